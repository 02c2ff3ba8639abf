"""What was seen of a body is told of that body alone, in fixed memory."""

from proxy.gateway.listings.sightings import PLACES, Sightings

BODY = ("bucket", "key", '"etag"', 1000)


def test_what_was_seen_is_known() -> None:
    seen = Sightings(secret=b"s")

    assert seen.maybe_sealed(*BODY) is None
    for sealed in (True, False, True):
        seen.saw(*BODY, sealed=sealed)
        assert seen.maybe_sealed(*BODY) is sealed


def test_another_body_is_not() -> None:
    """Each word of its name counts, and where one word ends."""
    seen = Sightings(secret=b"s")
    seen.saw(*BODY, sealed=True)

    for other in (
        ("bucket2", "key", '"etag"', 1000),
        ("bucket", "key2", '"etag"', 1000),
        ("bucket", "key", '"etag2"', 1000),
        ("bucket", "key", '"etag"', 1001),
        ("bucketkey", "", '"etag"', 1000),
        ("bucket", "ke", 'y"etag"', 1000),
    ):
        assert seen.maybe_sealed(*other) is None


def test_a_table_that_is_too_small_forgets_and_never_mistakes() -> None:
    seen = Sightings(secret=b"s", places=8)
    for number in range(100):
        seen.saw("b", f"{number}", "", number, sealed=number % 2 == 0)
    found = [seen.maybe_sealed("b", f"{number}", "", number) for number in range(100)]

    assert 1 <= sum(sealed is not None for sealed in found) <= 8
    assert all(sealed in {None, number % 2 == 0} for number, sealed in enumerate(found))


def test_places_differ_from_worker_to_worker() -> None:
    """So nobody can choose names that push each other out, or that pass for one another."""
    tables = [Sightings(secret=secret, places=1 << 10) for secret in (b"one", b"other")]
    for each in tables:
        for number in range(50):
            each.saw("b", f"{number}", "", 1, sealed=True)

    filled = [{place for place, word in enumerate(each._table) if word} for each in tables]
    assert filled[0] != filled[1]


def test_it_is_as_large_as_it_says() -> None:
    assert PLACES * 8 == 4 * 1024 * 1024
