"""Faults of files: what a crash in the middle of a write leaves behind."""

from scripts.faults.seeded import Seeded

ARTIFACTS = "tests/contract/test_seeded_artifacts.py::"

FAULTS = (
    Seeded(
        name="artifact-written-in-place",
        breaks="a file under its digest is complete: it arrives by a rename",
        file="artifacts/directory.py",
        old="            temporary.rename(target)\n",
        new="            target.write_bytes(temporary.read_bytes())\n",
        tests=(ARTIFACTS + "test_a_file_arrives_under_its_digest_by_one_rename_after_it_is_durable",),
    ),
    Seeded(
        name="artifact-not-synced",
        breaks="a file is durable before its name is, and its name before its row",
        file="artifacts/directory.py",
        old="                file.flush()\n                os.fsync(file.fileno())\n",
        new="                file.flush()\n",
        tests=(ARTIFACTS + "test_a_file_arrives_under_its_digest_by_one_rename_after_it_is_durable",),
    ),
    Seeded(
        name="upload-not-synced",
        breaks="an upload is durable before its name is",
        file="artifacts/directory.py",
        old="            await asyncio.to_thread(_sync, file)\n",
        new="            await asyncio.to_thread(file.flush)\n",
        tests=(ARTIFACTS + "test_a_file_arrives_under_its_digest_by_one_rename_after_it_is_durable",),
    ),
    Seeded(
        name="broken-upload-kept",
        breaks="an upload that breaks off leaves nothing behind",
        file="artifacts/directory.py",
        old="            await asyncio.to_thread(temporary.unlink, missing_ok=True)\n",
        new="            await asyncio.sleep(0)\n",
        tests=(ARTIFACTS + "test_what_breaks_off_or_is_too_large_leaves_no_file",),
    ),
    Seeded(
        name="referenced-files-collected",
        breaks="a file that a row needs is never collected",
        file="artifacts/directory.py",
        old="            if digest not in referenced and path",
        new="            if digest in referenced and path",
        tests=(ARTIFACTS + "test_only_old_files_that_nothing_needs_are_collected",),
    ),
)
