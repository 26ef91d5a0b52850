"""Commands of ``python -m benchmark.speed``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from benchmark.cli.options import DataRoot
from benchmark.config.models import network_names
from datamodules.common.errors import TagbenchError, unknown_name

app = typer.Typer(help="Measure speed.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def speed() -> None:
    """Measure speed and write tables to results/speed."""


@app.command()
def models(
    models: Annotated[str, typer.Option(help="Names, separated by commas; all by default.")] = "",
    batch: Annotated[str, typer.Option(help="Batch sizes, separated by commas.")] = "16,64",
    repeats: Annotated[int, typer.Option(min=1, help="Number of turns of each form.")] = 5,
    device: Annotated[
        str, typer.Option(help="cpu or cuda; by default a GPU if there is one.")
    ] = "",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: PyTorch's choice.")] = 0,
    dtype: Annotated[str, typer.Option(help="fp32, tf32, or bf16 for autocast.")] = "fp32",
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time forward pass and training step of each model, in our form and in the plain one."""
    from benchmark.speed.task import Dtype

    if dtype not in get_args(Dtype):
        raise unknown_name("dtype", dtype, get_args(Dtype), "--dtype")
    from benchmark.speed import tables
    from benchmark.speed.models import Options, measure, model_facts

    options = Options(
        tuple(int(n) for n in batch.split(",")), repeats, device, cast("Dtype", dtype), threads
    )
    rows, path = [], out
    for name in models.split(",") if models else network_names():
        facts = model_facts(name.strip(), options)
        if not facts.learns:
            continue
        path = out / f"models-{facts.device}.csv"
        for row in measure(name.strip(), facts, options, typer.echo):
            rows.append(row)
            typer.echo(
                f"{row.model}, {row.mode}, batch {row.batch}: {row.ours_windows_per_s:.4g} "
                f"windows/s, {row.speedup:.2f} times the plain form, largest difference "
                f"{row.max_difference:.1e}"
            )
            title = f"{facts.device_name}, torch {facts.torch}"
            tables.write(tables.merge(path, rows), path, title)
    typer.echo(f"Written: {path} and {path.with_suffix('.md')}")


@app.command()
def prepare(
    audio: Annotated[
        Path | None, typer.Option(help="Folder of audio files; by default music is rendered.")
    ] = None,
    files: Annotated[int, typer.Option(min=1, help="Files decoded in a turn.")] = 200,
    repeats: Annotated[int, typer.Option(min=1, help="Turns.")] = 3,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time preparing audio against a librosa loop, and windows against float32 arrays."""
    import pandas as pd

    from benchmark.speed import tables
    from benchmark.speed.prepare import measure, measure_windows

    rows = [*measure(audio, files, repeats, workers), *measure_windows(audio, files, repeats)]
    frame = pd.DataFrame(rows)
    tables.write_files(out / "prepare.csv", frame, tables.plain(frame))
    typer.echo(tables.plain(frame))


@app.command()
def features(
    audio: Annotated[
        Path | None, typer.Option(help="Folder of audio files; by default music is rendered.")
    ] = None,
    clips: Annotated[int, typer.Option(min=1, help="Most clips to read.")] = 30,
    repeats: Annotated[int, typer.Option(min=1, help="Turns.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time the FMA features against librosa, and compare them with and without the sample rate."""
    import pandas as pd

    from benchmark.speed import tables
    from benchmark.speed.views.fma_features import measure

    rows, rate_rows = measure(audio, clips, repeats, typer.echo)
    speed, rates = pd.DataFrame(rows), pd.DataFrame(rate_rows)
    text = f"{tables.plain(speed)}\n{tables.plain(rates)}"
    tables.write_files(out / "features.csv", speed, text)
    rates.to_csv(out / "features_true_rate.csv", index=False, float_format="%.6g")
    typer.echo(text)


@app.command()
def augment(
    augmentations: Annotated[
        str, typer.Option(help="Names, separated by commas; all chains and transforms by default.")
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Crops of each length.")] = 100,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time training-time augmentation of one crop, on one thread of the CPU."""
    import pandas as pd

    from benchmark.speed import tables
    from benchmark.speed.augment import measure

    frame = pd.DataFrame(measure(_names(augmentations), repeats, typer.echo))
    tables.write_files(out / "augment.csv", frame, tables.plain(frame))
    typer.echo(tables.plain(frame))


@app.command("scattering")
def scattering_view(
    repeats: Annotated[int, typer.Option(min=1, help="Tracks of each length.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time the scattering view of tracks, on one core."""
    import pandas as pd

    from benchmark.speed import tables
    from benchmark.speed.views.scattering import measure

    frame = pd.DataFrame(measure(repeats, typer.echo))
    tables.write_files(out / "scattering.csv", frame, tables.plain(frame))
    typer.echo(tables.plain(frame))


@app.command()
def sweep(
    models: Annotated[
        str, typer.Option(help="Names, separated by commas.")
    ] = "fcn,musicnn,crnn,sample_cnn",
    perturbations: Annotated[
        str, typer.Option(help="Selection of perturbations, as for tagbench run.")
    ] = "core",
    dataset: Annotated[str, typer.Option(help="Dataset whose test clips are evaluated.")] = "synth",
    preset: Annotated[
        str, typer.Option(help="Preset that states how tracks are cut into windows.")
    ] = "quick",
    cores: Annotated[int, typer.Option(min=0, help="0: all cores.")] = 0,
    data_root: DataRoot = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time a sweep, and its parts: perturbing once, and the forward passes of each model."""
    from benchmark.speed.evaluation import Matrix, measure, write

    matrix = Matrix(tuple(models.split(",")), dataset, perturbations, preset, cores, data_root)
    rows, about = measure(matrix, typer.echo)
    write(rows, about, out)
    typer.echo((out / "sweep.md").read_text(encoding="utf-8"))


@app.command()
def gpu(
    device: Annotated[
        str, typer.Option(help="cuda:<index>, or cpu to try the sections at small sizes.")
    ] = "cuda:0",
    minutes: Annotated[float, typer.Option(min=0.5, help="Time limit in minutes.")] = 12,
    models: Annotated[str, typer.Option(help="Names, separated by commas; all by default.")] = "",
    sections: Annotated[
        str, typer.Option(help="Sections, separated by commas; all by default.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed/gpu"),
) -> None:
    """Measure one GPU within a time limit: parity, repeatability, speed and a sweep.

    gpu.md and gpu.json are written after each result. The exit status is 1 if an item failed or
    was skipped, or if a bar was not reached.
    """
    from benchmark.speed.gpu.run import Options, check, measure

    options = Options(device, minutes, out, _names(models), _names(sections))
    check(options)
    results = measure(options, typer.echo)
    typer.echo(results.markdown())
    typer.echo(f"Written: {out / 'gpu.md'} and {out / 'gpu.json'}")
    raise typer.Exit(1 if results.missed() else 0)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@app.command()
def statistics(
    replicates: Annotated[int, typer.Option(min=2, help="Bootstrap replicates.")] = 1000,
    tags: Annotated[int, typer.Option(min=2, help="Number of tags.")] = 50,
    tracks: Annotated[int, typer.Option(min=20, help="Number of test tracks.")] = 4332,
    conditions: Annotated[
        int, typer.Option(min=1, help="Number of conditions, with the clean one.")
    ] = 21,
    cores: Annotated[int, typer.Option(min=0, help="0: all cores.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/speed"),
) -> None:
    """Time all tables of one model from stored predictions, against scikit-learn."""
    from benchmark.speed.tables_speed import Case, measure, write

    rows, about = measure(Case(replicates, tags, tracks, conditions, cores), typer.echo)
    write(rows, about, out)
    typer.echo((out / "statistics.md").read_text(encoding="utf-8"))


@app.command()
def plan(
    cells: Annotated[int, typer.Option(min=1, help="Smallest number of cells.")] = 100_000,
) -> None:
    """Time planning a large matrix, and its peak memory; nothing is imported for models."""
    from benchmark.speed.plan import measure

    for name, value in measure(cells).items():
        typer.echo(f"{name}: {value:,.1f}" if isinstance(value, float) else f"{name}: {value:,}")


if __name__ == "__main__":
    try:
        app()
    except TagbenchError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
