"""The Hugging Face hub: what is needed comes into huggingface_hub's own cache, whole and verified, or one sentence says why not.

    snapshot = fetch(Repository("gpt2"), ["config.json", "*.safetensors"], advice=advice, progress=progress)
    with opened(snapshot):
        model = AutoModelForCausalLM.from_pretrained("gpt2")   # exactly that commit, and not a single request

Importing this package imports none of the Hugging Face libraries; its functions do.
"""

from darkframe.hub.cache import cache_folder, portable, verify
from darkframe.hub.environment import prepare
from darkframe.hub.fetching import commit_of, fetch
from darkframe.hub.records import Advice, Repository, Snapshot
from darkframe.hub.view import opened

__all__ = ["Advice", "Repository", "Snapshot", "cache_folder", "commit_of", "fetch", "opened", "portable", "prepare", "verify"]
