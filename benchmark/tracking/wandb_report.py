"""A dashboard as a W&B report and as a saved workspace, with the package ``wandb-workspaces``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from benchmark.tracking.dashboard import Dashboard, Panel
from benchmark.tracking.wandb import load_wandb, resolve_mode
from datamodules.common.errors import TagbenchError

WIDTH = 24
"""Columns of the grid of a report."""

_SIZES = {"table": (24, 12), "pictures": (24, 14), "runs": (24, 10), "scatter": (12, 8)}
_OTHER = (12, 8)


def create(dashboard: Dashboard, project: str, entity: str | None = None) -> tuple[str, str]:
    """Create the report and the workspace on the server of W&B.

    Args:
        dashboard: Their content.
        project: W&B project that holds the runs of the sweep.
        entity: User or team; None for the default of the account.

    Returns:
        The addresses of the report and of the workspace.

    Raises:
        TagbenchError: The package is not installed, there is no API key, or the server refuses.
    """
    check()
    if resolve_mode("auto") != "online":
        raise TagbenchError(
            "A W&B report needs an account and the network. Run wandb login, and unset WANDB_MODE; "
            "--out spec.json writes the specification without either."
        )
    try:
        owner = entity or load_wandb().Api().default_entity
        page = report(dashboard, project, owner).save()
        view = workspace(dashboard, project, owner).save()
    except Exception as error:
        raise TagbenchError(
            f"W&B did not accept the report ({type(error).__name__}: {error}). Check the network "
            f"and that the runs are in {project}: tagbench wandb-sync {dashboard.dataset} --wandb "
            "online"
        ) from error
    return page.url, view.url


def check() -> None:
    """Raise an error if the package is missing.

    Raises:
        TagbenchError: ``wandb-workspaces`` is not installed.
    """
    if find_spec("wandb_workspaces") is None:
        raise TagbenchError(
            "tagbench wandb-report needs wandb-workspaces, which is not installed: "
            'pip install "tagbench[dashboards]"'
        )


def report(dashboard: Dashboard, project: str, entity: str) -> Any:
    """Return the report, which is not saved. With an empty entity, no network is needed."""
    import wandb_workspaces.reports.v2 as wr

    blocks: list[Any] = [wr.TableOfContents()]
    for group in dashboard.groups:
        blocks.append(wr.H1(group.title))
        if group.text:
            blocks.append(wr.MarkdownBlock(group.text))
        for job_type in dict.fromkeys(panel.job_type for panel in group.panels):
            shown = [panel for panel in group.panels if panel.job_type == job_type]
            runs = wr.Runset(
                entity=entity,
                project=project if entity else "",
                name=f"{dashboard.dataset}: {job_type}",
                filters=_filters(dashboard, job_type),
            )
            grid = wr.PanelGrid(runsets=[runs], panels=_arranged(shown), hide_run_sets=True)
            blocks.append(grid)
    return wr.Report(
        project=project,
        entity=entity,
        title=dashboard.title,
        description=dashboard.description,
        blocks=blocks,
        width="fluid",
    )


def workspace(dashboard: Dashboard, project: str, entity: str) -> Any:
    """Return the workspace, which is not saved: one section per group, the first one open."""
    import wandb_workspaces.workspaces as ws

    groups = [group for group in dashboard.groups if group.panels or group.text]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=dashboard.title,
        sections=[
            ws.Section(
                name=group.title,
                panels=[*_text(group.text), *_arranged(group.panels)],
                is_open=number == 0,
            )
            for number, group in enumerate(groups)
        ],
        runset_settings=ws.RunsetSettings(filters=_filters(dashboard, None)),
    )


def _filters(dashboard: Dashboard, job_type: str | None) -> Any:
    """Return the filter of the runs of the sweep, and of one job type where it is given."""
    from wandb_workspaces import expr

    ours = [expr.Metric("Group") == dashboard.sweep]
    if job_type is not None:
        ours.append(expr.Metric("JobType") == job_type)
    return expr.And(*ours)


def _text(text: str) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    return [wr.MarkdownPanel(text, layout=wr.Layout(0, 0, WIDTH, 10))] if text else []


def _arranged(panels: Sequence[Panel]) -> list[Any]:
    """Return W&B's panels in rows that fill the grid from left to right."""
    import wandb_workspaces.reports.v2 as wr

    arranged, x, y, height = [], 0, 0, 0
    for panel in panels:
        w, h = _SIZES.get(panel.kind, _OTHER)
        if x + w > WIDTH:
            x, y, height = 0, y + height, 0
        arranged.append(_panel(panel)(layout=wr.Layout(x, y, w, h)))
        x, height = x + w, max(height, h)
    return arranged


def _panel(panel: Panel) -> Any:
    """Return a function that makes W&B's panel for a layout."""
    import wandb_workspaces.reports.v2 as wr

    names = list(panel.names)
    makers = {
        "table": lambda: partial(wr.WeavePanelSummaryTable, table_name=names[0]),
        "chart": lambda: partial(
            wr.CustomChart,
            # wandb.plot.line_series logs the points as a table of this name and these columns.
            query={"summaryTable": {"tableKey": f"{names[0]}_table"}},
            chart_name="wandb/lineseries/v0",
            chart_fields={"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"},
            chart_strings={"title": panel.title, "xname": "severity (0: clean)"},
        ),
        "pictures": lambda: partial(
            wr.MediaBrowser, title=panel.title, media_keys=names, num_columns=min(2, len(names))
        ),
        "bars": lambda: partial(wr.BarPlot, title=panel.title, metrics=names),
        "scatter": lambda: partial(
            wr.ScatterPlot,
            title=panel.title,
            x=wr.SummaryMetric(names[0]),
            y=wr.SummaryMetric(names[1]),
        ),
        "lines": lambda: partial(wr.LinePlot, title=panel.title, x="epoch", y=names),
        "runs": lambda: partial(wr.RunComparer, diff_only="split"),
    }
    return makers[panel.kind]()
