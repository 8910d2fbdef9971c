"""Which artifact storage a URL names, opened.

`bootstrap` calls this with the setting `ARTIFACTS_URL`. Hides the URL's forms; the object store's
library is loaded only for `s3://`.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from langgraph_multi_agent.artifacts.copies import LocalCopies
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.artifacts.marker import SETTING, unreadable
from langgraph_multi_agent.artifacts.s3 import S3Artifacts, open_store
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.domain.ports import Artifacts

CACHE_BYTES = 8 * 1024**3
KEEP_S = 3600.0
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def open_artifacts(
    url: str, *, cache_dir: Path, cache_bytes: int = CACHE_BYTES, keep_s: float = KEEP_S
) -> Artifacts:
    """The storage at `url`; call `check_marker` before it is used.

    Args:
        url: `file:///absolute/path`, an absolute path, or `s3://bucket[/prefix]`. For S3 the
            variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and
            `AWS_ENDPOINT_URL` count.
        cache_dir: where copies of S3 objects lie on this machine; its processes may share it.
        cache_bytes: what the copies may take.
        keep_s: how long a path that was given out stays valid: as long as a run may hold it.

    Raises:
        SettingsUnsafe: names `ARTIFACTS_URL`: not a storage, or one that cannot be opened.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "s3":
            return _open_s3(url, cache_dir, cache_bytes, keep_s)
        case "file" if parts.netloc in ("", "localhost") and not parts.query and not parts.fragment:
            return _open_directory(Path(unquote(parts.path)))
        case "" if url:
            return _open_directory(Path(url).expanduser())
    raise SettingsUnsafe(setting=SETTING, reason="artifacts_url_unknown")


def _open_directory(path: Path) -> DirectoryArtifacts:
    if not path.is_absolute():
        raise SettingsUnsafe(setting=SETTING, reason="artifacts_path_not_absolute", value=str(path))
    try:
        return DirectoryArtifacts(path)
    except OSError as error:
        raise unreadable(str(path), str(error.strerror or error)) from error


def _open_s3(url: str, cache_dir: Path, cache_bytes: int, keep_s: float) -> S3Artifacts:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise SettingsUnsafe(setting=SETTING, reason="artifacts_credentials_in_url")
    prefix = parts.path.strip("/")
    if not parts.netloc or ":" in parts.netloc or parts.query or parts.fragment:
        raise SettingsUnsafe(setting=SETTING, reason="artifacts_url_unknown")
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    store = open_store(parts.netloc, prefix, endpoint=endpoint)
    try:
        copies = LocalCopies(cache_dir, max_bytes=cache_bytes, keep_s=keep_s)
    except OSError as error:
        raise unreadable(str(cache_dir), str(error.strerror or error)) from error
    return S3Artifacts(store, name=f"s3://{parts.netloc}/{prefix}", copies=copies)
