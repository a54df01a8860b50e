from plugin import cell


def test_quotes_in_names_are_doubled() -> None:
    assert cell('a["b"]') == '"a[""b""]"'
