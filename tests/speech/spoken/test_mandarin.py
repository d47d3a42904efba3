"""Mandarin figures as a person would say them on the telephone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.spoken import mandarin, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("¥58.50", "五十八元五角"),
        ("58.5元", "五十八元五角"),
        ("¥58.05", "五十八元零五分"),
        ("58.56块", "五十八块五角六分"),
        ("¥0.50", "五角"),
        ("¥0.05", "五分"),
        ("¥0", "零元"),
        ("2元", "两元"),
        ("$12", "十二美元"),
        ("£12.50", "十二点五英镑"),
        ("HK$8", "八港元"),
        ("12.5万元", "十二点五万元"),
        ("1,234元", "一千二百三十四元"),
        ("50 CNY", "五十元"),
    ],
)
def test_money(written: str, said: str) -> None:
    assert spoken(written, "zh") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-22", "二零二六年十一月二十二日"),
        ("2026年11月22日", "二零二六年十一月二十二日"),
        ("2月2号", "二月二日"),
        ("2026年", "二零二六年"),
        ("2026-13-45", "二零二六，一三，四五"),
        ("14:30", "十四点三十分"),
        ("9:05到2:00", "九点零五分到两点"),
        ("99:99", "九九，九九"),
    ],
)
def test_dates_and_times(written: str, said: str) -> None:
    assert spoken(written, "zh") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("请拨10086", "请拨幺零零八六"),
        ("拨打110", "拨打幺幺零"),
        ("13812345678", "幺三八幺二三四五六七八"),
        ("400-800-1234", "四零零，八零零，幺二三四"),
        ("+86 138 1234 5678", "八六，幺三八，幺二三四，五六七八"),
        ("订单号12345", "订单号一二三四五"),
        ("密码是0042", "密码是零零四二"),
        ("AB-12345", "AB一二三四五"),
    ],
)
def test_what_is_dialled_says_yao_and_what_is_quoted_says_yi(written: str, said: str) -> None:
    assert spoken(written, "zh") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5G套餐", "五G套餐"),
        ("3.5 GB", "三点五个G"),
        ("500Mbps", "五百兆"),
        ("20%", "百分之二十"),
        ("-5%", "百分之负五"),
        ("25℃", "二十五摄氏度"),
        ("2个月，2小时，满2年", "两个月，两小时，满两年"),
        ("第2次", "第二次"),
        ("按2键", "按二键"),
        ("1/2", "二分之一"),
        ("3-5天", "三到五天"),
        ("12000个", "一万两千个"),
        ("20000", "两万"),
        ("1.2.3", "一点二点三"),
        ("-3", "负三"),
        ("Q4和WiFi6", "Q四和WiFi六"),
    ],
)
def test_plans_measures_and_counts(written: str, said: str) -> None:
    assert spoken(written, "zh") == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "零"),
        (10, "十"),
        (12, "十二"),
        (105, "一百零五"),
        (110, "一百一十"),
        (222, "二百二十二"),
        (1010, "一千零一十"),
        (2000, "两千"),
        (10_005, "一万零五"),
        (120_000, "十二万"),
        (100_000_000, "一亿"),
        (2 * 10**12, "两万亿"),
        (10**16, "一" + "零" * 16),
    ],
)
def test_cardinals(value: int, said: str) -> None:
    assert mandarin.cardinal(value) == said


@given(st.integers(0, 10**16 - 2))
def test_neighbours_are_said_differently(value: int) -> None:
    assert mandarin.cardinal(value) != mandarin.cardinal(value + 1)


@given(st.text("0123456789", min_size=1))
def test_digits_are_one_character_each(text: str) -> None:
    assert len(mandarin.digits(text)) == len(text)
    assert "一" not in mandarin.digits(text, "幺")
