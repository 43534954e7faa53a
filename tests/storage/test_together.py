"""Files that are written for a user: all of them, or none."""

from pathlib import Path

import pytest

from sjft.errors import UserError
from sjft.storage.files import write_text
from sjft.storage.together import new_together


@pytest.mark.parametrize("error", [UserError, KeyboardInterrupt])
def test_where_one_cannot_be_written_none_is_left_and_the_same_can_be_tried_again(
    tmp_path: Path, error: type[BaseException]
) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.csv"
    with pytest.raises(error), new_together([first, second]):
        write_text(first, "whole")
        raise error
    assert not any(tmp_path.iterdir())
    with new_together([first, second]):
        write_text(first, "whole")
        write_text(second, "whole")
    with pytest.raises(UserError, match=r"a\.json: is there already"), new_together([first]):
        pytest.fail("it would be overwritten")
    assert first.read_text() == "whole"
