"""Starting Taichi: each trap in a process of its own, since a process starts Taichi only once."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, MemoryBudgetError, RuntimeConflictError
from solvers import memory, runtime

PREAMBLE = """
    import numpy as np, solvers
    from microstructures import Volume
    from microstructures.errors import RuntimeConflictError
    volume = Volume(np.zeros((4, 4, 4), np.uint8), 1e-7)
    solve = lambda: solvers.tortuosity_factor(volume, 0).value
"""


def python(code, said="", **environment):
    """What a fresh interpreter prints; it must end well and say no more than ``said`` on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(PREAMBLE) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"TI_CPU_MAX_NUM_THREADS": "1"} | environment,
    )
    assert done.returncode == 0, done.stderr
    assert all(said and said in line for line in done.stderr.splitlines()), done.stderr
    return done.stdout.strip()


def test_first_solve_starts_taichi_without_a_word():
    assert (
        python("import sys; before = 'taichi' in sys.modules; print(before, solve())")
        == "False 1.0"
    )


def test_taichi_does_not_call_home():
    code = """
        import socket
        def refuse(*args, **kwargs): raise AssertionError("network")
        socket.socket.connect = refuse
        solve()
        import os, threading
        print(os.environ["TI_SKIP_VERSION_CHECK"], threading.active_count())
    """
    assert python(code) == "ON 1"


def test_a_taichi_started_by_the_user_is_adopted_and_not_reset():
    code = """
        import io, contextlib, warnings
        import solvers.transport
        from solvers._ti import ti
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ti.init(arch=ti.cpu, log_level=ti.ERROR, default_fp=ti.f32)
        program = ti.lang.impl.get_runtime().prog
        print(solve(), ti.lang.impl.get_runtime().prog is program)
        from solvers import runtime
        print(runtime.start().adopted)
    """
    assert python(code).split() == ["1.0", "True", "True"]


def test_results_survive_a_second_start_by_the_user():
    code = """
        import io, contextlib, warnings
        solvers.use(precision="double")  # fewer kernels to compile, twice
        labels = (np.random.default_rng(0).random((8, 8, 8)) < 0.7).astype(np.uint8)
        solve = lambda: solvers.tortuosity_factor(Volume(labels, 1e-7), 1).value
        first = solve()
        from solvers import _ti
        from solvers._ti import ti
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ti.init(arch=ti.cpu, log_level=ti.ERROR)
        second = solve()
        # those of the first start are gone, whether or not their memory still holds them
        print(first, second, _ti._program is ti.lang.impl.get_runtime().prog)
    """
    first, second, renewed = python(code).split()
    assert renewed == "True"
    assert float(second) == pytest.approx(float(first), rel=1e-9)


def test_a_forked_child_refuses_instead_of_hanging():
    code = """
        import os, warnings
        solve()
        warnings.simplefilter("ignore")
        child = os.fork()
        if child == 0:
            try:
                solve()
            except RuntimeConflictError as error:
                os._exit(7 if "spawn" in str(error) else 1)
            os._exit(2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert python(code) == "7"


def test_a_forked_child_refuses_where_only_the_user_had_started_taichi():
    code = """
        import io, contextlib, os, warnings
        import solvers.transport
        from solvers._ti import ti
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ti.init(arch=ti.cpu, log_level=ti.ERROR)
        child = os.fork()
        if child == 0:
            try:
                solve()
            except RuntimeConflictError:
                os._exit(7)
            os._exit(2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert python(code) == "7"


def test_a_taichi_started_in_another_thread_that_ran_nothing_is_refused():
    code = """
        import io, contextlib, threading, warnings
        import solvers.transport
        from solvers._ti import ti
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ti.init(arch=ti.cpu, log_level=ti.ERROR)
        said = []
        def first():
            try:
                solve()
            except RuntimeConflictError as error:
                said.append("started in another thread" in str(error))
        worker = threading.Thread(target=first)
        worker.start(); worker.join()
        print(said, solve())
    """
    assert python(code, said="main_thread_id_") == "[True] 1.0"  # Taichi logs its assertion


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_threads():
    code = """
        from solvers import runtime
        rng = np.random.default_rng(0)
        volume = Volume(rng.integers(0, 3, (40, 38, 36)), 1e-7)
        values = {0: 1.0, 1: 0.0, 2: 1e-3}
        result = solvers.effective_conductivity(volume, values)
        print(runtime.start().threads, result.value.hex(), result.uncertainty.hex(),
              solvers.interface_areas(volume)[0, 1].value.hex())
    """
    one, two = (python(code, TI_CPU_MAX_NUM_THREADS=n).split() for n in "12")
    assert (one[0], two[0]) == ("1", "2")
    assert one[1:] == two[1:]


def test_a_child_forked_before_the_first_solve_works():
    code = """
        import os
        child = os.fork()
        if child == 0:
            os._exit(int(solve() == 1.0))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), solve())
    """
    assert python(code) == "1 1.0"


def test_many_threads_solve_at_once():
    code = """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(6) as pool:
            print({round(t, 12) for t in pool.map(lambda _: solve(), range(24))})
    """
    assert python(code) == "{1.0}"


@pytest.mark.slow
def test_solves_in_a_worker_thread_after_the_main_thread():
    code = """
        import threading
        solve()
        found = []
        other = Volume(np.random.default_rng(0).integers(0, 2, (20, 20, 20)), 1e-7)
        worker = threading.Thread(
            target=lambda: found.append(solvers.effective_conductivity(other, {0: 1, 1: 2}).value))
        worker.start(); worker.join()
        print(1 < found[0] < 2)
    """
    assert python(code) == "True"


def test_number_of_threads_is_as_asked():
    code = """
        solvers.use(arch="cpu", precision="mixed", threads=2)
        solve()
        from solvers import runtime
        print(runtime.start())
    """
    assert python(code) == "cpu (2 threads)"


def test_another_choice_after_the_start_is_a_conflict():
    code = """
        solve()
        try:
            solvers.use(threads=3)
        except RuntimeConflictError as error:
            print(error)
    """
    assert "call solvers.use() before the first solve" in python(code)


def test_precision_may_change_at_any_time():
    code = "solve(); solvers.use(precision='double'); print(solve())"
    assert python(code) == "1.0"


def test_a_named_device_that_is_missing_is_an_error():
    from solvers._ti import ti

    missing = [a for a in ("cuda", "metal") if not ti.lang.misc.is_arch_supported(getattr(ti, a))]
    assert missing, "every device is here: this test needs one that is not"
    with pytest.raises(RuntimeConflictError, match="finds no such device"):
        solvers.use(arch=missing[0])


@pytest.mark.parametrize(
    "choice", [{"arch": "gpu9"}, {"precision": "half"}, {"threads": 0}, {"threads": 1.5}]
)
def test_unknown_choices_are_named(choice):
    with pytest.raises(InvalidInputError):
        solvers.use(**choice)


def test_arrays_beyond_32_bit_indices_are_refused():
    runtime.check_elements(2**31 - 1, "a vector")
    with pytest.raises(InvalidInputError, match="crop or coarsen"):
        runtime.check_elements(2**31, "a vector")


def test_a_volume_beyond_32_bit_indices_is_refused_before_anything_is_allocated():
    labels = np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (1000, 1000, 1000))
    from solvers.grid import Grid

    with pytest.raises(InvalidInputError, match="can be indexed"):
        Grid(labels.shape).checked()


def test_memory_beyond_what_is_free_is_refused_with_both_numbers():
    with pytest.raises(MemoryBudgetError, match=r"a job needs .* of memory, but .* are free"):
        memory.require(2**60, "a job")


def test_memory_limit_of_a_container_counts(monkeypatch, tmp_path):
    from microstructures import memory as host

    for name, text in (("memory.max", "1000000"), ("memory.current", "400000")):
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.stat").write_text("inactive_file 100000\n")
    monkeypatch.setattr(host, "LIMITS", ((tmp_path, *host.LIMITS[0][1:]),))
    assert memory.free_bytes() == 700000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.slow
def test_estimated_memory_covers_what_a_solve_really_takes():
    code = """
        import re
        from pathlib import Path
        from solvers import steady_state
        # of this program alone: ru_maxrss would begin with that of the process that started it
        status = Path("/proc/self/status")
        peak = lambda: 1024 * int(re.search("VmHWM:[^0-9]*([0-9]+)", status.read_text())[1])
        labels = (np.random.default_rng(0).random((130, 130, 130)) < 0.6).astype(np.uint8)
        big = Volume(labels, 1e-7)
        solve()
        before = peak()
        solvers.tortuosity_factor(big, 1)
        print((peak() - before) / steady_state.estimated_bytes(labels.shape))
    """
    assert 0.4 < float(python(code)) < 1.0


def test_estimated_memory_counts_the_halo_of_a_single_slice():
    from solvers import steady_state

    whole = steady_state.estimated_bytes((1, 1500, 1500)) - 64 * 2**20
    assert whole > 3 * 1500**2 * 25  # three layers of them, at five vectors and a byte


def test_kernels_run_with_bounds_checking_on():
    """Out-of-range reads are silent otherwise."""
    code = """
        labels = (np.random.default_rng(0).random((21, 14, 17)) < 0.6).astype(np.uint8)
        print(solvers.tortuosity_factor(Volume(labels, (1e-7, 2e-7, 4e-7)), 1).percolates)
    """
    assert python(code, TI_DEBUG="1") == "True"


def test_kernels_that_call_other_functions_are_others_without_a_cache_of_them():
    """Taichi looks at no more than their own text then, and these two have the same."""
    code = """
        from solvers._kernels import transfers
        from solvers._ti import ti
        between = transfers.transfers(ti.f64, 64)
        fine, coarse = np.zeros((4, 4, 4)), np.zeros((3, 3, 3))
        fine[1:3, 1:3, 1:3] = 1
        flat = fine.reshape(-1), coarse.reshape(-1)
        between.restrict(*flat, 1, 1, 1, 2, 2, 2, 16, 4, 9, 3)
        between.prolong(*flat[::-1], 2, 2, 2, 2, 2, 2, 16, 4, 9, 3)
        print(coarse.sum(), fine.sum())
    """
    for cache in "01":
        assert python(code, TI_OFFLINE_CACHE=cache).split() == ["8.0", "72.0"]


@pytest.mark.slow
def test_solves_are_right_without_a_cache_of_kernels():
    code = """
        labels = (np.random.default_rng(0).random((64, 64, 64)) < 0.7).astype(np.uint8)
        print(solvers.tortuosity_factor(Volume(labels, 1e-7), 1).value)
    """
    cached, fresh = python(code), python(code, TI_OFFLINE_CACHE="0")
    assert float(fresh) == pytest.approx(float(cached), rel=1e-9)


def test_result_of_a_solve_can_be_pickled():
    import pickle

    result = solvers.tortuosity_factor(Volume(np.zeros((3, 3, 3), np.uint8), 1e-7), 0)
    again = pickle.loads(pickle.dumps(result))
    assert again.value == result.value
    assert again.uncertainty.kind == result.uncertainty.kind
