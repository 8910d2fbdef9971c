"""Faults of skills and agents: made-up numbers, unsafe files, a review that sees nothing."""

from scripts.faults.seeded import Seeded

REVIEWER = "tests/unit/agents/test_reviewer.py::"
META = "tests/unit/agents/test_meta_agent.py::"
TEAM = "tests/unit/agents/test_builtin_team.py::"
SOURCE = "tests/unit/skills/test_tables_source.py::"
RECOMPUTE = "tests/unit/skills/test_tables_recompute.py::"
TABLES = "tests/unit/skills/test_seeded_tables.py::"
NUMBERS = "tests/unit/domain/test_seeded_numbers.py::"
REPORT = "tests/unit/skills/test_report.py::"
RUNNER = "tests/unit/skills/test_runner.py::"
CHILD = "tests/unit/skills/test_seeded_child.py::"
DOCUMENTS = "tests/unit/skills/test_documents.py::"

FAULTS = (
    Seeded(
        name="review-compares-nothing",
        breaks="a number passes the review only if it equals its recomputation",
        file="skills/report/audit.py",
        old="    stated, actual = number.value, _plain(value)\n",
        new="    stated = actual = number.value\n",
        tests=(REVIEWER + "test_an_agent_that_lies_fails_even_if_the_whole_report_agrees_with_it",),
    ),
    Seeded(
        name="review-tolerates-one-percent",
        breaks="the tolerance is for the order of summation only",
        file="domain/finding.py",
        old="REVIEW_RELATIVE_TOLERANCE = 1e-9\n",
        new="REVIEW_RELATIVE_TOLERANCE = 1e-2\n",
        tests=("tests/unit/skills/test_seeded_review.py::test_a_share_of_a_hundred_millionth_is_a_wrong_number",),
    ),
    Seeded(
        name="report-files-not-compared",
        breaks="a stored report with one altered digit fails the review",
        file="skills/report/audit.py",
        old="        elif actual != content:\n",
        new="        elif len(actual) != len(content):\n",
        tests=(REVIEWER + "test_the_reviewer_fails_a_report_with_one_altered_number",),
    ),
    Seeded(
        name="every-citation-resolves",
        breaks="a quotation must stand where it says",
        file="skills/documents/resolve.py",
        old='    return "ok" if document.text[passage.start : passage.end] == passage.quote else "quote_differs"\n',
        new='    return "ok"\n',
        tests=(REVIEWER + "test_a_quotation_that_does_not_stand_there_fails",),
    ),
    Seeded(
        name="numbers-cut-not-rounded",
        breaks="numbers are shown rounded",
        file="domain/finding.py",
        old='            return f"{round(value):,}"\n',
        new='            return f"{int(value):,}"\n',
        tests=(NUMBERS + "test_numbers_are_rounded_to_the_nearest",),
    ),
    Seeded(
        name="sample-numbers",
        breaks="the numbers of a finding are those of the file",
        file="skills/tables/outcome.py",
        old="    row = {name: json_value(value) for name, value in table.row(statement.sql).items()}\n",
        new="    row = {name: json_value(value) for name, value in table.row(statement.sql).items()}\n"
        "    row |= {name: 42.0 for name in statement.numbers}\n",
        tests=(TEAM + "test_a_table_and_a_document_become_one_reviewed_report",),
    ),
    Seeded(
        name="sample-file",
        breaks="what is analysed is the file that was given",
        file="skills/tables/analyse.py",
        old='    with open_table(Path(params["file"]), str(params["name"]), limits) as table:\n',
        new='    from langgraph_multi_agent.demo import weather_path\n'
        '    with open_table(weather_path(), str(params["name"]), limits) as table:\n',
        tests=(TABLES + "test_a_single_value_far_outside_is_found_at_its_place_with_its_value",),
    ),
    Seeded(
        name="anomalies-by-three-sigma",
        breaks="how far is too far depends on the measure's own tails",
        file="skills/tables/anomaly.py",
        old="    outside = int((scores > reach).sum())\n",
        new="    return 3.0\n    outside = int((scores > reach).sum())\n",
        tests=(TABLES + "test_noise_has_no_effects_whatever_its_tails",),
    ),
    Seeded(
        name="correlation-without-significance",
        breaks="a correlation that noise gives as well is not reported",
        file="skills/tables/correlation.py",
        old="        if not (is_kept and strong and agree and abs(pair.rho) < MAX_RHO):\n",
        new="        if not abs(pair.rho) < MAX_RHO:\n",
        tests=(TABLES + "test_noise_has_no_effects_whatever_its_tails",),
    ),
    Seeded(
        name="recompute-reads-other-files",
        breaks="the review runs queries over its own data only",
        file="skills/tables/recompute.py",
        old='    return None if _reads_only_data(tree["statements"][0]["node"]) else "other_source"\n',
        new="    return None\n",
        tests=(RECOMPUTE + "test_only_a_single_select_over_data_with_one_row_is_run",),
    ),
    Seeded(
        name="workbook-bomb-opened",
        breaks="a workbook that unpacks to too much is refused from its directory",
        file="skills/tables/workbook.py",
        old="    if ratio > limits.unpacked_ratio:\n",
        new="    if ratio < 0:\n",
        tests=(SOURCE + "test_a_workbook_that_unpacks_to_too_much_is_refused_from_its_directory",),
    ),
    Seeded(
        name="document-bomb-opened",
        breaks="a document that unpacks to too much is refused before it is opened",
        file="skills/documents/archive.py",
        old="MAX_RATIO = 100\n",
        new="MAX_RATIO = 100_000\n",
        tests=(DOCUMENTS + "test_zip_bombs_are_refused_before_they_are_opened",),
    ),
    Seeded(
        name="archive-leads-outside",
        breaks="a path in an archive never leads outside",
        file="skills/zipped.py",
        old="""or ".." in plain.split("/") or""",
        new="""or ".." == plain.split("/") or""",
        tests=(DOCUMENTS + "test_paths_that_lead_outside_are_refused",),
    ),
    Seeded(
        name="model-required-not-raised",
        breaks="what only a model can do is refused at submit when there is none",
        file="agents/meta_agent.py",
        old="        if wish is not None:\n            raise ModelRequired(",
        new="        if wish == '':\n            raise ModelRequired(",
        tests=(META + "test_wishes_that_only_a_model_can_fulfil_are_refused_and_name_the_settings",),
    ),
    Seeded(
        name="html-not-escaped",
        breaks="no text of data or request becomes markup of the report",
        file="skills/report/html.py",
        old=r"""r'<span class="n">\1</span>', escape(content, quote=False))""",
        new=r"""r'<span class="n">\1</span>', content)""",
        tests=(REPORT + "test_html_stays_inert_and_well_formed_whatever_the_texts_say",),
    ),
    Seeded(
        name="cancel-leaves-the-child",
        breaks="a cancelled call ends only when its child process is dead",
        file="skills/runner.py",
        old="        os.killpg(child.pid, signal.SIGKILL)\n",
        new="        os.killpg(child.pid, signal.SIGCONT)\n",
        tests=(CHILD + "test_cancelling_a_call_ends_its_process_within_seconds",),
    ),
    Seeded(
        name="child-knows-the-keys",
        breaks="no secret of the parent reaches a process that reads files",
        file="skills/runner.py",
        old='    kept = {k: v for k, v in os.environ.items() if k in _INHERITED or k.startswith("LC_")}\n',
        new="    kept = dict(os.environ)\n",
        tests=(RUNNER + "test_no_secret_of_the_parent_reaches_the_child",),
    ),
    Seeded(
        name="child-may-use-the-network",
        breaks="a skill cannot reach the network",
        file="skills/child.py",
        old="    refuse_network()\n    #",
        new="    #",
        tests=(CHILD + "test_a_skill_cannot_connect_even_to_who_listens",),
    ),
    Seeded(
        name="child-outlives-its-parent",
        breaks="a child dies with the process that started it",
        file="skills/child.py",
        old='    die_with_parent(request["parent_pid"])\n    watch_stdin()\n',
        new="",
        tests=(RUNNER + "test_a_child_dies_with_its_parent",),
    ),
)
