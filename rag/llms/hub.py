"""Model files by their name on the Hugging Face hub. Layer: adapters. Asked only when a setting says `hf:`."""

from __future__ import annotations

from pathlib import Path

import httpx2
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from rag.errors import ModelError


def fetch(name: str) -> Path:
    """The file that `owner/repo:file.gguf` names, from the local cache or, the first time, from the hub.

    Raises ModelError: misspelt, not there, not for everybody, or not in the cache while the hub cannot be reached.
    """
    repo, _, file = name.partition(":")
    if repo.count("/") != 1 or not file:
        raise ModelError(f"hf:{name} names no file: write hf:OWNER/REPO:FILE.gguf")
    try:
        return Path(hf_hub_download(repo, file))
    except GatedRepoError as exc:
        raise ModelError(
            f"the hub gives {repo} only to those who accepted its terms: download it, give the path"
        ) from exc
    except LocalEntryNotFoundError as exc:
        raise ModelError(
            f"{file} of {repo} is not in the local cache and the hub cannot be reached: download it, give its path"
        ) from exc
    except (RepositoryNotFoundError, EntryNotFoundError, HFValidationError) as exc:
        raise ModelError(f"the hub has no file {file} in {repo}") from exc
    except (HfHubHTTPError, httpx2.HTTPError, OSError) as exc:
        raise ModelError(f"cannot fetch {file} of {repo} from the hub: {type(exc).__name__}") from exc
