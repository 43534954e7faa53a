"""A real Slurm on this machine: a controller and two nodes with a GPU each that is no device.

Of Debian's packages slurm-wlm and munge. It needs no root, no systemd, and no database unless it is
to keep accounts (`slurm_accounting`), and touches neither /etc nor another Slurm: all its files lie
in one folder, and its commands stand first in the PATH of those who use it.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # Snakemake brings it
from chain import Chain

NODES = ("n1", "n2")
CORES = 2
MEGABYTES = 16000  # of which the machine need not have as many
_DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
PLACES = os.pathsep.join(["/usr/sbin", "/usr/bin", os.environ.get("PATH", "")])
PATIENCE = 60  # seconds that daemons have to start or to end
# Snakemake's own command, but that the plug-in asks each second how jobs are: with its own settings
# it is asleep for most of a short run, ten seconds longer each time that no job has ended.
EAGER = """
import asyncio, sys
from snakemake import cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

async def sleep(self):
    await asyncio.sleep(1)

RemoteExecutor.sleep = sleep
cli.main(sys.argv[1:])
"""


def missing() -> str | None:
    """Why there can be no Slurm here, and what to do; nothing where there can."""
    lacking = [name for name in (*_DAEMONS, *COMMANDS) if not shutil.which(name, path=PLACES)]
    if lacking:
        return (
            f"no Slurm here: {', '.join(lacking)} not found "
            "(Debian: apt-get install slurm-wlm munge)"
        )
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        return f"no Slurm here: the host name {socket.gethostname()} has no address (/etc/hosts)"
    return None


@dataclass(frozen=True)
class Cluster:
    """A Slurm that is up, below a folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that uses it."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "SRUN"))
        }
        return kept | {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def call(self, *command: str) -> str:
        """What a command of Slurm's prints."""
        return subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout

    def finished(self) -> list[dict[str, str]]:
        """All jobs that have ended, in the order in which they did: what Slurm wrote of each."""
        text = (self.folder / "finished.log").read_text(encoding="utf-8")
        return [
            dict(part.split("=", 1) for part in line.split() if "=" in part)
            for line in text.splitlines()
        ]

    def logs(self) -> str:
        """What the daemons have written, for the message of a test that fails."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')[-4000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )


class OnSlurm(Chain):
    """A folder in which a user calls `snakemake` with the profile for Slurm, on one disk."""

    def command(self, *arguments: str) -> list[str]:
        profile = ["--workflow-profile", "workflow/profiles/slurm", "--latency-wait", "20"]
        return [sys.executable, "-c", EAGER, *arguments, *profile]


def no_accounting(_: Path) -> AbstractContextManager[str]:
    """What a cluster says that writes down what ran in a file alone."""
    return nullcontext("AccountingStorageType=accounting_storage/none")


@contextmanager
def running_cluster(
    accounting: Callable[[Path], AbstractContextManager[str]] = no_accounting,
    commands: Sequence[str] = COMMANDS,
) -> Iterator[Cluster]:
    """Start Slurm, and stop it with all that runs in it.

    ``accounting`` is up while it runs, and gives its lines of the configuration.
    """
    # A socket's path may have 107 characters: too few for most folders of tests.
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    folder.chmod(0o755)  # munge wants its socket to be reached by everybody
    cluster = Cluster(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_kill_what_is_left, folder)
        _make_folders(folder)
        stack.enter_context(daemon(folder, "munged", *_munge_options(folder)))
        _configure(folder, stack.enter_context(accounting(folder)), commands)
        stack.enter_context(daemon(folder, "slurmctld", "-D", "-i"))
        for node in NODES:
            stack.enter_context(daemon(folder, "slurmd", "-D", "-N", node, log=node))
        _wait_for_nodes(cluster)
        stack.callback(_cancel_all, cluster)
        yield cluster


def _kill_what_is_left(folder: Path) -> None:
    """Of a node that was set down, Slurm leaves what ran there alone."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(folder) in process.environ().get("PATH", ""):
                process.kill()


def _make_folders(folder: Path) -> None:
    for name in ("state", "bin", *(f"spool.{node}" for node in NODES)):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))


def _configure(folder: Path, accounting: str, commands: Sequence[str]) -> None:
    (folder / "slurm.conf").write_text(_configuration(folder, accounting), encoding="utf-8")
    # `Count` without a file makes the node invalid.
    (folder / "gres.conf").write_text(
        f"NodeName={','.join(NODES)} Name=gpu Type=fake File=/dev/null\n", encoding="utf-8"
    )
    # Not SLURM_CONF in the environment: Snakemake's plug-in takes that from what a job starts.
    for command in commands:
        script = folder / "bin" / command
        real = shutil.which(command, path=PLACES)
        script.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {real} "$@"\n', encoding="utf-8"
        )
        script.chmod(0o755)


def _configuration(folder: Path, accounting: str) -> str:
    host, user = host_and_user()
    controller, *ports = free_ports(1 + len(NODES))
    nodes = "\n".join(
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CORES} "
        f"RealMemory={MEGABYTES} Gres=gpu:fake:1"
        for node, port in zip(NODES, ports, strict=True)
    )
    return f"""\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# A requeued job may start again only after cred_expire, which is two minutes if nothing is said.
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Memory is watched instead of held by cgroups, which a container does not let one make.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill,UsePss
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
KillWait=5
SlurmdTimeout=30
JobRequeue=1
ReturnToService=2
# What `slurm-status-command: squeue` needs: ended jobs stay to be seen.
MinJobAge=600
# Jobs of the partition `urgent` take the nodes of others, which start anew.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{accounting}
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished.log
{nodes}
PartitionName=main Nodes={",".join(NODES)} Default=YES MaxTime=1-0 DefaultTime=5 State=UP
PartitionName=urgent Nodes={",".join(NODES)} PriorityTier=10 MaxTime=1-0 DefaultTime=5 State=UP
"""


def host_and_user() -> tuple[str, str]:
    """What this machine and who calls are to Slurm."""
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    return socket.gethostname().partition(".")[0], user


def free_ports(number: int) -> list[int]:
    """Ports of the loopback that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _munge_options(folder: Path) -> list[str]:
    named = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{name}" for option, name in named.items()]
    return ["--foreground", f"--log-file={folder}/munge.log", *options]


@contextmanager
def daemon(folder: Path, name: str, *options: str, log: str = "") -> Iterator[None]:
    """Start a daemon that writes its log into the folder, and end it."""
    with (folder / f"{log or name}.log").open("w") as output:
        process = subprocess.Popen(
            [str(shutil.which(name, path=PLACES)), *options],
            env=os.environ | {"SLURM_CONF": str(folder / "slurm.conf")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_nodes(cluster: Cluster) -> None:
    until, state = time.monotonic() + PATIENCE, ""
    while time.monotonic() < until:
        try:
            state = cluster.call("sinfo", "--noheader", "--Node", "--format=%T")
        except subprocess.CalledProcessError as error:
            state = str(error.stderr)
        if set(state.split()) == {"idle"}:
            return
        time.sleep(0.2)
    raise AssertionError(f"Slurm's nodes did not come up: {state}\n{cluster.logs()}")


def _cancel_all(cluster: Cluster) -> None:
    """Jobs must be gone before the folder is: what they are started by lies in it."""
    # It ends with 1 where a job has ended meanwhile: what counts is that none is left.
    subprocess.run(
        [cluster.folder / "bin/scancel", "--quiet", f"--user={host_and_user()[1]}"],
        check=False,
        timeout=PATIENCE,
    )
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        states = cluster.call("squeue", "--noheader", "--states=R,CG,PD", "--format=%T")
        if not states.split():
            return
        time.sleep(0.2)
    raise AssertionError(f"jobs do not end: {cluster.call('squeue')}")
