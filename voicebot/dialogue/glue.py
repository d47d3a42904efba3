"""Words that say nothing by themselves: what a composed answer may use beside the words of its sources. Data, no logic.

Left out on purpose, so that they must stand in the source: yes and no, will and must, only and always, before and after, until and from, more and
less, free and paid, get and give: each could make an approved sentence promise what nobody approved.
"""

from __future__ import annotations

from collections.abc import Mapping

_LIGHT_EN = """
a an the this that these those it its here there which who what where how
i me my we us our you your yours he she they them their
am is are be been being was were do does did have has had
can could need should want would-like let know mean
and or so then also too but because as to of for on in at with about into
please just simply well
"""
_KIND_EN = """
i we you your my our me this that it is are am be very so really and for to about a an the of how
sorry apologise apologies understand see hear thank thanks please frustrating annoying upsetting worrying confusing frustration annoyance worry
worried upset confusion inconvenience trouble feel patience hello afraid must-be
"""
_HEART_EN = """
sorry apologise apologies understand thank thanks frustrating annoying upsetting worrying confusing frustration annoyance worry worried upset
inconvenience trouble patience hello
"""

_LIGHT_ZH = """
您 你 我 我们 您的 你的 我的 我们的 的 地 得 了 着 是 在 请 就 也 和 与 及 或 或者 以及 可以 能 能够 需要 要 想 想要
这 那 这个 那个 这样 那样 这里 那里 它 其
把 被 给 对 对于 关于 让 为 为了 来 去 里 中 吗 呢 吧 啊 啦 呀 嘛 先 再 然后 接着
因为 所以 但 但是 不过 而 而且 并 并且 还 即 则 即可 一下 请问 说 看 看看 看到 知道
"""
_KIND_ZH = """
您 你 我 我们 您的 你的 的 了 是 这 那 这个 这样 这件 事 很 非常 真 真的 十分 给 对 让 带来 感到 觉得 请 和 也 能 为 此 会
抱歉 对不起 不好意思 理解 明白 感受 心情 着急 生气 担心 不便 麻烦 谢谢 感谢 您好 你好 耐心 别着急 不满
"""
_HEART_ZH = """
抱歉 对不起 不好意思 理解 明白 感受 心情 着急 生气 担心 不便 麻烦 谢谢 感谢 您好 你好 耐心 别着急
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIGHT: Mapping[str, frozenset[str]] = {"en": _words(_LIGHT_EN), "zh": _words(_LIGHT_ZH)}
"""May stand in any clause."""
KIND: Mapping[str, frozenset[str]] = {"en": _words(_KIND_EN), "zh": _words(_KIND_ZH)}
"""All that may stand in a clause that only wants to be kind."""
HEART: Mapping[str, frozenset[str]] = {"en": _words(_HEART_EN), "zh": _words(_HEART_ZH)}
"""One of which such a clause must hold."""
