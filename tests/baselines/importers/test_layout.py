"""What an exact rewrite needs survives being compressed."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.importers.layout import compress_layout, expand_layout

VALUES = st.one_of(
    st.integers(), st.text("ab0/", max_size=3), st.lists(st.integers(), max_size=2), st.booleans()
)
SOURCES = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=1, max_size=5)


@settings(deadline=None)
@given(SOURCES)
def test_expanding_gives_back_what_was_compressed(sources: list[dict[str, Any]]) -> None:
    ids = [f"Real/test/scene_1/{row:04d}" for row in range(len(sources))]
    stored = json.loads(json.dumps(compress_layout(sources, ids), sort_keys=True))
    assert expand_layout(stored, ids) == sources


def test_paths_around_frame_ids_take_no_room() -> None:
    ids = [f"Real/test/scene_1/{row:04d}" for row in range(1000)]
    sources = [{"image_path": f"/home/me/{name}_color.png"} for name in ids]
    compressed = compress_layout(sources, ids)
    assert len(json.dumps(compressed)) < 100
    assert expand_layout(compressed, ids) == sources
