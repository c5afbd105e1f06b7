"""Data sets of real English for the loopback hub, laid out as on the real one."""

import gzip
import io
import json
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq

from darkframe.lm.texts import OPENWEBTEXT, shipped_text

CARD = """---
license: cc0-1.0
language:
- en
size_categories:
- 1M<n<10M
pretty_name: OpenWebText
configs:
- config_name: plain_text
  data_files:
  - split: train
    path: plain_text/train-*
  default: true
dataset_info:
  config_name: plain_text
  features:
  - name: text
    dtype: string
---
# A data set
"""

CONFIGS = """---
configs:
- config_name: news
  data_files:
  - split: train
    path: news/train-*
  - split: test
    path: news/test-*
- config_name: prose
  data_files:
  - split: train
    path: prose/train-*
---
"""


@cache
def english(count):
    """Documents of the shipped prose."""
    with gzip.open(shipped_text()) as lines:
        texts = [json.loads(line)["text"] for line in lines]
    assert count <= len(texts)
    return texts[:count]


def parquet(columns, row_group=None):
    """A Parquet file of columns by name."""
    data = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, data, row_group_size=row_group or max(1, len(table)), compression="snappy")
    return data.getvalue()


def shards(texts, number, row_group, folder="plain_text", split="train"):
    """Files of a split in so many shards; the rows are the texts in order."""
    size = -(-len(texts) // number)
    parts = [texts[start : start + size] for start in range(0, len(texts), size)]
    names = [f"{folder}/{split}-{i:05d}-of-{len(parts):05d}.parquet" for i in range(len(parts))]
    return {name: parquet({"text": pa.array(part, pa.string())}, row_group) for name, part in zip(names, parts)}


def add_openwebtext(hub, texts=None, *, number=3, row_group=10):
    """The default text of the hub sources at its pinned commit, in a small edition; gives its rows."""
    texts = english(90) if texts is None else texts
    commit = hub.add(OPENWEBTEXT.name, {"README.md": CARD, **shards(texts, number, row_group)}, kind="dataset")
    repository = hub.repositories["dataset", OPENWEBTEXT.name]
    repository.commits[OPENWEBTEXT.revision] = repository.commits.pop(commit)
    repository.refs["main"] = OPENWEBTEXT.revision
    return texts


def add_configs(hub, name="somebody/configs"):
    """A data set of two configurations, one of them with two splits; gives the rows by (configuration, split)."""
    texts = english(40)
    parts = {("news", "train"): texts[:20], ("news", "test"): texts[20:25], ("prose", "train"): texts[25:]}
    files = {"README.md": CONFIGS}
    for (config, split), rows in parts.items():
        files |= shards(rows, 1, 10, config, split)
    hub.add(name, files, kind="dataset")
    return parts


def add_script(hub, name="somebody/scripted"):
    """A data set with a loading script, and the hub's own Parquet copy of it on its usual branch; gives the copy's rows."""
    script = name.split("/")[-1] + ".py"
    hub.add(name, {"README.md": "# Scripted\n", script: "raise SystemExit\n"}, kind="dataset")
    texts = english(12)
    copy = {"default/train/0000.parquet": parquet({"text": texts})}
    hub.add(name, copy, kind="dataset", branch="refs/convert/parquet")
    return texts
