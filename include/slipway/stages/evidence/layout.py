"""Names in a folder of evidence: `store/` has objects under their keys, `version/` the version's.

`SHA256SUMS` names every other file, and is written last.
"""

from __future__ import annotations

SUMS, README, CASE = "SHA256SUMS", "README.md", "case.json"
STORE, VERSION, EXPECTATIONS = "store", "version", "expectations"
PICTURES = "pictures"
MANIFEST_FILE = f"{VERSION}/manifest.json"

README_TEXT = """# {title}

What the records of this installation hold about one model version, copied byte by byte.
There are no rows and no feature values of rows in it; the manifest has the ranges and the
categories of the features that are not personal, as it was sealed at the training.

| File | Holds |
|---|---|
| `case.json` | the version with its tags, heads of the ledgers, numbers of the entries about it |
| `model_card.md`, `model_card.html` | the model card, made from the records below |
| `pictures/` | pictures of the card, such as how often scores came true |
| `model.sig` | the version's signature, where it has one |
| `version/` | manifest with the digest of each file, `pipeline.py`, bills of materials |
| `store/ledger/` | ledgers of model and dataset: each entry has the hash of the one before |
| `store/runs/` | records and specs of training, records of rollouts, windows, deliveries |
| `store/requests/` | the request, the decision on it and the answer |
| `expectations/` | verdicts of the expectations on each delivery |

## Verify
That no file was changed or lost:

```bash
sha256sum -c SHA256SUMS
```

That the ledgers hold together up to the head in `case.json`, that records, manifest and bills are
those that they name, and that no file is there beside them:

```bash
slipway evidence --verify .
```

That a trusted key signed the version, too, where SLIPWAY_TRUSTED_KEYS names public keys.

Someone who rewrote all of it could write new sums, too. The head under `anchored` was in MLflow
when this was exported, outside the store: compare it with `slipway ledger verify`, or keep the sum
of `SHA256SUMS` elsewhere. The ledger of a dataset has no such head.

{missing}
"""
