"""Places on source lines that are cut: the carets stay under what is shown."""

from htp.diagnostics import Diagnostic, Span, render


def test_no_caret_stands_past_a_line_that_is_cut(tmp_path):
    source = tmp_path / "long.py"
    source.write_text("x = " + "1 + " * 60 + "1\n")
    for columns in ((1, 240), (90, 240), (200, 210)):
        place = Span(file=str(source), line=1, column=columns[0], end_line=1, end_column=columns[1])
        text = render(Diagnostic(code="type.bad-annotation", message="no", span=place)).splitlines()
        shown, carets = text[3], text[4].rstrip()
        assert "^" in carets
        assert len(carets) <= len(shown)
        assert len(shown) == len(" 1 | ") + 100
