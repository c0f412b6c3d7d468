"""Reading the pages of codes."""

from htp.tools.codes import find, parse_pages


def test_pages_are_sections_of_a_file():
    first, second = parse_pages(
        "# x\n\n## a.one\n\nSummary\nhere.\n\nMore.\n\n```python wrong\n1\n```\n\n"
        "```python right\n2\n```\n## `b.two`\n\nS.\n"
    )
    assert (first.code, first.summary, first.wrong, first.right) == ("a.one", "Summary here.", "1\n", "2\n")
    assert (second.code, second.summary, second.wrong) == ("b.two", "S.", "")
    assert parse_pages("no sections") == ()
    assert [each.code for each in parse_pages("## ring-buffer.too-small\n\nIt is.\n")] == ["ring-buffer.too-small"]
    assert find("a.one", (first, second)) is first
    assert find("a.none", (first, second)) is None
