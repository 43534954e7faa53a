"""The loss of a batch: what the network is trained to make small."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sjft.networks.joint import JointNetwork
from sjft.settings.training import TrainingSettings
from sjft.training.batch_norm import statistics_forgotten
from sjft.training.mixup import mixed


class JointTask(nn.Module):
    """The joint loss: cross-entropy of both halves of a batch, summed (paper, section 3.1)."""

    def __init__(
        self,
        network: JointNetwork,
        source_loss_weight: float,
        target_loss_weight: float = 1.0,
        label_smoothing: float = 0.0,
        *,
        separate_statistics: bool = False,
    ) -> None:
        """Wrap a network; each half's loss, the mean over its images, counts so many times.

        ``label_smoothing`` is the share of each label that is spread over its task's classes.
        With ``separate_statistics`` batch norm normalises each half by itself, and the target's
        statistics are those that the network keeps.
        """
        super().__init__()
        self.network = network.module
        self._classes = len(network.target_classes)
        self._source_weight = source_loss_weight
        self._target_weight = target_loss_weight
        self._smoothing = label_smoothing
        self._separate = separate_statistics

    def forward(
        self,
        images: Tensor,
        target_labels: Tensor,
        source_labels: Tensor,
        source_weights: Tensor | None = None,
        mixup_partners: Tensor | None = None,
        mixup_shares: Tensor | None = None,
        source_loss_weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss of the tensors of a `Batch`: images [targets + sources, 3, side, side].

        The targets' come first. ``source_weights`` [sources] are multiples of 1, their mean over
        the batch of all processes: so the mean of the weighted losses is a weighted mean over
        that batch, and its gradient the mean of those of equal shares.

        With mixup a pair's images are ``mixup_shares`` [pairs] of themselves and the rest of those
        of the pair ``mixup_partners`` [pairs], places in each half; their losses are the same
        shares of the losses against either label. Right answers are those of the larger share.

        ``source_loss_weight``, a scalar, stands in for the task's own.

        Returns the scalars ``loss``, ``target_loss``, ``source_loss`` (0 without source images)
        and the numbers of right answers ``target_correct``, ``source_correct``. One pass serves
        both halves, so that batch-norm statistics are shared, unless they are to be separate.
        """
        cut = len(target_labels)
        mix = None
        if mixup_partners is not None and mixup_shares is not None:
            mix = mixup_partners, mixup_shares
            images = mixed(images, cut, *mix)
        scores = self._scores(images, cut)
        target, source = scores[:cut, : self._classes], scores[cut:, self._classes :]
        target_loss = self._mean_loss(target, target_labels, None, mix)
        source_loss = target_loss.new_zeros(())
        source_correct = target_labels.new_zeros(())
        if len(source_labels):
            source_loss = self._mean_loss(source, source_labels, source_weights, mix)
            source_correct = (source.argmax(1) == source_labels).sum()
        weight = self._source_weight if source_loss_weight is None else source_loss_weight
        return {
            "loss": self._target_weight * target_loss + weight * source_loss,
            "target_loss": target_loss.detach(),
            "source_loss": source_loss.detach(),
            "target_correct": (target.argmax(1) == target_labels).sum(),
            "source_correct": source_correct,
        }

    def _scores(self, images: Tensor, cut: int) -> Tensor:
        """Scores of both heads for all images, the first ``cut`` of which are the target's."""
        if not self._separate or cut == len(images):
            scores: Tensor = self.network(images)
            return scores
        of_targets = self.network(images[:cut])
        with statistics_forgotten(self.network):
            return torch.cat([of_targets, self.network(images[cut:])])

    def _mean_loss(
        self,
        scores: Tensor,
        labels: Tensor,
        weights: Tensor | None,
        mix: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        if weights is None and mix is None:
            return F.cross_entropy(scores, labels, label_smoothing=self._smoothing)
        losses = self._losses(scores, labels)
        if mix is not None:
            partners, shares = mix[0], mix[1].to(losses.dtype)
            losses = shares * losses + (1 - shares) * self._losses(scores, labels[partners])
        if weights is not None:
            losses = weights.to(losses.dtype) * losses
        return losses.mean()

    def _losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(scores, labels, reduction="none", label_smoothing=self._smoothing)


def source_loss_weight(settings: TrainingSettings, update: int) -> float:
    """What the source's loss counts in update u (from 0) of a round of U updates.

    `source_loss_weight`, or where it is to end elsewhere: start + (end - start) u / (U - 1).
    """
    start, end = settings.source_loss_weight, settings.source_loss_weight_at_end
    if end is None:
        return start
    return start + (end - start) * update / max(1, settings.updates - 1)
