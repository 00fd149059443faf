"""Read one spec folder: a valid spec, or its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from slipway.spec.base import Spec
from slipway.spec.consistency import dataset_problems, model_problems
from slipway.spec.dataset import DatasetSpec
from slipway.spec.estimator_params import own_functions, param_problems
from slipway.spec.holdout import holdout_problems
from slipway.spec.model import ModelSpec
from slipway.spec.problems import Problem, format_value
from slipway.spec.pydantic_errors import explain
from slipway.spec.search_problems import search_problems
from slipway.spec.yaml_reader import Document, Where, read_document

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Folder(Generic[S]):
    """One spec folder.

    Attributes:
        main: Its `dataset.yaml` or `model.yaml`.
        spec: Spec; None when it is invalid.
        problems: Problems of its files.
    """

    main: Document
    spec: S | None
    problems: tuple[Problem, ...] = ()

    def with_problems(self, problems: Iterable[Problem]) -> Folder[S]:
        """Return the folder with further problems, or itself when there are none."""
        more = tuple(problems)
        return Folder(self.main, None, (*self.problems, *more)) if more else self


def read_dataset(path: Path) -> Folder[DatasetSpec]:
    """Read a dataset's folder: `dataset.yaml`, and `expectations.yaml` where there is one."""
    main = _without_expectations(read_document(path / "dataset.yaml"))
    documents = {"dataset": main}
    beside = path / "expectations.yaml"
    if beside.exists() or beside.is_symlink():
        documents["expectations"] = read_document(beside)
    expectations = documents.get("expectations")
    fields = dict(main.value) if main.value is not None else None
    if fields is not None and expectations is not None and expectations.value is not None:
        fields["expectations"] = expectations.value

    def find(where: Where) -> tuple[Document, Where]:
        if expectations is not None and where[:1] == ("expectations",):
            return expectations, where[1:]
        return main, where

    folder = _validated(DatasetSpec, fields, documents, find)
    if folder.spec is None:
        return folder
    return folder.with_problems(
        [
            *_other_name(main, "dataset", folder.spec.dataset, path.name),
            *dataset_problems(folder.spec, documents),
        ]
    )


def read_model(path: Path) -> Folder[ModelSpec]:
    """Read a model's folder: `model.yaml`, without its dataset."""
    main = read_document(path / "model.yaml")
    folder = _validated(ModelSpec, main.value, {"model": main}, lambda where: (main, where))
    if folder.spec is None:
        return folder
    own = own_functions(path)
    return folder.with_problems(
        [
            *_other_name(main, "model", folder.spec.model, path.name),
            *model_problems(folder.spec, {"model": main}),
            *param_problems(folder.spec, main, own=own),
            *search_problems(folder.spec, main, own=own),
            *holdout_problems(folder.spec, main, own=own),
        ]
    )


def _validated(
    kind: type[S],
    fields: Mapping[str, Any] | None,
    documents: Mapping[str, Document],
    find: Callable[[Where], tuple[Document, Where]],
) -> Folder[S]:
    main = next(iter(documents.values()))
    problems = tuple(problem for one in documents.values() for problem in one.problems)
    if fields is None:
        return Folder(main, None, problems)
    try:
        spec = kind.model_validate(fields)
    except ValidationError as error:
        return Folder(main, None, (*problems, *explain(error, kind, find)))
    return Folder(main, None if problems else spec, problems)


def _without_expectations(main: Document) -> Document:
    """The document without expectations; any in it become a problem."""
    if main.value is None or "expectations" not in main.value:
        return main
    problem = Problem(
        main.file,
        main.line(("expectations",)),
        "expectations",
        "does not belong here",
        hint="move it to expectations.yaml beside this file",
    )
    fields = {name: value for name, value in main.value.items() if name != "expectations"}
    return replace(main, value=fields, problems=(*main.problems, problem))


def _other_name(main: Document, field: str, given: str, folder: str) -> Iterable[Problem]:
    if given != folder:
        summary = f"given {format_value(given)}, but its folder is {format_value(folder)}"
        hint = "give both the same name"
        yield Problem(main.file, main.line((field,)), field, summary, hint=hint)
