"""The page on how studies keep what they have, written from the recorded figures."""

PAGE = """# How a study keeps what it has

## One folder for each case

A case is known by the blake2b hash of its task, the version of the physics in it, its recipe, and
the content of its input files. What comes of it is one folder: `record.json`, which ends with a
digest of all before, and arrays whose digests are in the record. The folder is written aside,
flushed to the disk and renamed into place: it is whole or not there, on network file systems too,
without locks, a database or pickle. Two workers that finish the same case both have the same
result, and the second one drops its own. A record that is not what was written is noticed whenever
it is read, and its case is run again; an array, when it is used, and by `twin study clean`.

The table, `results.csv` and `results.parquet` (extra `parquet`), is derived: it may be thrown
away.

## Who is to blame for a death

A worker notes on the disk which case it begins. When it dies, only that case is charged: after
three deaths it is quarantined, while those that waited at the same worker go elsewhere. Time-outs
come from the C library's watchdog, as Python's own starve while a kernel runs; the stack of the
case is its reason. Taichi starts in the first task of a worker and stays warm. Tasks are names
and JSON, never pickled code.

## Optimisations

Points that depend on earlier results are asked for in batches, from a seeded sampler that is told
the results in the order in which the points were asked for. So the sequence is a function of the
results: nothing but the cases is stored, and a killed optimisation asks the same again and finds
it answered.

## Measured

Written by `python benchmarks/pages.py` on {threads} threads ({cpu}), Python {python}.

`{kills_command}` kills workers and drivers with SIGKILL at random moments while a study of
{cases} cases runs, and compares table and arrays with those of the same study left in peace:

{kills}

`{overhead_command}`:

{overhead}
"""


def page(kills, overhead, table):
    """The page as text."""
    return PAGE.format(
        **{name: overhead["machine"][name] for name in ("threads", "cpu", "python")},
        cases=kills["cases"],
        kills_command=kills["command"],
        overhead_command=overhead["command"],
        kills=table(*_kills(kills)),
        overhead=table(*_overhead(overhead)),
    )


def _kills(figures):
    head = ["round", "workers killed", "drivers killed", "seconds", "finished cases lost",
            "table and arrays equal"]  # fmt: skip
    rows = [["in peace", "0", "0", f"{figures['seconds_in_peace']:.0f}", "0", "–"]]
    for number, found in enumerate(figures["rounds"], start=1):
        counts = [found[name] for name in ("workers_killed", "drivers_killed")]
        equal = found["table_equal"] and found["arrays_equal"]
        rows.append(
            [
                str(number),
                *map(str, counts),
                f"{found['seconds']:.0f}",
                str(found["lost_or_changed"]),
                "bit for bit" if equal else "no",
            ]
        )
    return head, rows


def _overhead(figures):
    rows = [
        [f"a case that does nothing, {who}", f"{ms:.1f} ms", "10 ms"]
        for who, ms in figures["overhead_per_case_ms"].items()
    ]
    large = figures["of_10000_cases_s"]
    rows += [
        ["second run of 1000 cases", f"{figures['second_run_of_1000_s']:.2f} s", "1 s"],
        [
            "two workers against one, cases of 1 s",
            f"{figures['speedup_of_2_workers']:.2f}×",
            "1.8×",
        ],
        ["10 000 cases: status", f"{large['status']:.2f} s", "with the table 2 s"],
        ["10 000 cases: table", f"{large['frame']:.2f} s", "with the status 2 s"],
    ]
    return ["what", "measured", "asked for"], rows
