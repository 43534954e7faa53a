"""The loss of a batch: what the network is trained to make small."""

import torch.nn.functional as F
from torch import Tensor, nn

from sjft.networks.joint import JointNetwork


class JointTask(nn.Module):
    """The joint loss: cross-entropy of both halves of a batch, summed (paper, section 3.1)."""

    def __init__(
        self, network: JointNetwork, source_loss_weight: float, target_loss_weight: float = 1.0
    ) -> None:
        """Wrap a network; each half's loss, the mean over its images, counts so many times."""
        super().__init__()
        self.network = network.module
        self._classes = len(network.target_classes)
        self._source_weight = source_loss_weight
        self._target_weight = target_loss_weight

    def forward(
        self,
        images: Tensor,
        target_labels: Tensor,
        source_labels: Tensor,
        source_weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss of the tensors of a `Batch`: images [targets + sources, 3, side, side].

        The targets' come first. ``source_weights`` [sources] are multiples of 1, their mean over
        the batch of all processes: so the mean of the weighted losses is a weighted mean over
        that batch, and its gradient the mean of those of equal shares.

        Returns the scalars ``loss``, ``target_loss``, ``source_loss`` (0 without source images)
        and the numbers of right answers ``target_correct``, ``source_correct``. One pass serves
        both halves, so that batch-norm statistics are shared.
        """
        scores = self.network(images)
        cut = len(target_labels)
        target, source = scores[:cut, : self._classes], scores[cut:, self._classes :]
        target_loss = F.cross_entropy(target, target_labels)
        source_loss = target_loss.new_zeros(())
        source_correct = target_labels.new_zeros(())
        if len(source_labels):
            source_loss = _mean_loss(source, source_labels, source_weights)
            source_correct = (source.argmax(1) == source_labels).sum()
        return {
            "loss": self._target_weight * target_loss + self._source_weight * source_loss,
            "target_loss": target_loss.detach(),
            "source_loss": source_loss.detach(),
            "target_correct": (target.argmax(1) == target_labels).sum(),
            "source_correct": source_correct,
        }


def _mean_loss(scores: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return F.cross_entropy(scores, labels)
    losses = F.cross_entropy(scores, labels, reduction="none")
    return (weights.to(losses.dtype) * losses).mean()
