"""What a round is computed on and in: the device, its memory, the precision, compiled code."""

import shutil

import pytest
import torch
from rounds import CPU, batches, fit, state
from small import small_network

from sjft.errors import UserError
from sjft.networks.devices import choose_device, explained_memory
from sjft.training.precision import Precision


@pytest.mark.parametrize("there", [False, True])
def test_the_device_is_chosen_as_configured(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if there else "cpu")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"training\.device: `cuda` is asked for"):
        choose_device("cuda")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_says_what_to_lower(error: Exception) -> None:
    words = r"has run out of memory .*target_batch .*accumulate .*input_size.*cache_mb"
    with pytest.raises(UserError, match=words), explained_memory():
        raise error
    with pytest.raises(RuntimeError, match="another"), explained_memory():
        raise RuntimeError("another")


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_precision_is_of_the_forward_pass_alone(name: str) -> None:
    given = batches(30)
    exact, found = small_network(2, 2), small_network(2, 2)
    fit(exact, given, learning_rate=0.05)
    history = fit(found, given, learning_rate=0.05, precision=name)
    assert history["target_loss"][-1] < history["target_loss"][0]
    difference = 0.0
    for key, value in state(found).items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, state(exact)[key], rtol=0.05, atol=0.02)
        difference += float((value - state(exact)[key]).abs().sum())
    assert (difference > 0) is (name != "float32")


def test_the_scale_of_float16_falls_with_an_overflow_and_is_kept() -> None:
    network = small_network(2, 2)
    before, precision = state(network), Precision("float16", CPU)
    optimiser = torch.optim.SGD(network.module.parameters(), 0.1)
    precision.backward(network.module.fc.target.weight.sum() * 1e38)
    precision.step(optimiser)
    for key, value in state(network).items():
        assert torch.equal(value, before[key])
    again = Precision("float16", CPU)
    assert again.state()["scale"] == 2 * precision.state()["scale"]
    again.restore(precision.state())
    assert again.state() == precision.state()


@pytest.mark.filterwarnings("ignore:torch.cuda.amp.GradScaler is enabled")  # there is no GPU
def test_automatic_precision_is_what_the_device_is_fast_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Precision("auto", CPU).name == "float32"
    for there, name in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, there=there: there)
        assert Precision("auto", torch.device("cuda")).name == name


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize(
    "changes", [{}, {"batch_norm": "separate", "source_loss_weight_at_end": 0.0}]
)
def test_a_compiled_network_learns_the_same_under_the_same_names(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    # Traced and differentiated as always, but run by torch: to build the code takes half a minute.
    whole = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda module: whole(module, backend="aot_eager")
    )
    plain, compiled = (small_network(2, 2, batch_norm=True) for _ in range(2))
    given = batches(4)
    fit(plain, given, learning_rate=0.1, **changes)
    fit(compiled, given, learning_rate=0.1, compile=True, **changes)
    assert list(state(compiled)) == list(state(plain))
    for key, value in state(plain).items():
        torch.testing.assert_close(state(compiled)[key], value, rtol=1e-4, atol=1e-5)


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"training\.compile: .* C\+\+ compiler"):
        fit(small_network(2, 2), batches(1), compile=True)
