"""Tables copied into a text: the heads of columns speak for and against what stands below."""

import pytest

from masking.detect import detect
from masking.headed import Cell, headed_cells


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.type.value) for span in detect(text)]


def test_a_head_names_the_values_below_it() -> None:
    text = "序号\t住院号\tQQ\t护照\n1\t00123456\t39823155\tN1234567\n2\t00123457\t无\tN1234568"
    assert found(text) == [
        ("00123456", "MEDICAL_RECORD_NO"), ("39823155", "QQ"), ("N1234567", "CN_PASSPORT"),
        ("00123457", "MEDICAL_RECORD_NO"), ("N1234568", "CN_PASSPORT"),
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["批次号", "订单号", "流水"])
def test_a_head_speaks_against_numbers_that_only_look_like_one(label: str) -> None:
    rows = "".join(f"帐篷与配件若干，三十顶整装成套发运至仓库\t1380013800{digit}\t5\n" for digit in range(4))
    assert found(f"物资\t{label}\t数量\n{rows}") == []


def test_cells_lie_where_their_text_stands() -> None:
    assert [*headed_cells("姓名|电话\n李娜|4961235")] == [Cell("电话", 9, 16)]
    text = "甲,乙\n一,4961234\n二, 4961235"
    assert [text[cell.start : cell.end] for cell in headed_cells(text)] == ["4961234", "4961235"]


def test_a_text_without_a_head_has_no_cells() -> None:
    assert [*headed_cells("第一行，有逗号\n13947112233,王芳\n\n1,2,3")] == []


def test_lines_without_a_figure_carry_a_table_on_and_others_end_it() -> None:
    table = "姓名,证件\n李娜,N1234567\n王芳,无\n赵云,N1234568\n"
    assert [cell.label for cell in headed_cells(table)] == ["证件", "证件"]
    assert [*headed_cells(table.replace("王芳,无", "以上共一人"))] == [Cell("证件", 9, 17)]
    assert [*headed_cells(table.replace("王芳,无", "以上共1人"))] == [Cell("证件", 9, 17)]
