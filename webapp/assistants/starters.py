"""What visitors read about the starters: name, welcome, examples, by the name of the artifact's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """How an assistant presents itself, in English and Chinese."""

    name_en: str
    name_zh: str
    welcome_en: str
    welcome_zh: str
    examples: tuple[dict[str, Any], ...] = ()  # {"text", "text_zh"?, "options"?}
    position: int = 100


ARTICLE = (
    "The first electric street lamps appeared in the 1870s. They were arc lamps, so bright that they had to be hung "
    "on tall masts, and they burned out after a few hours. Gas lighting was softer and cheaper, and for two decades "
    "the two stood side by side in the same streets. What decided the matter was not the light but the network. "
    "Once a city had laid cables for its trams, adding lamps cost little, while every gas lamp needed a man with a "
    "ladder each evening and each morning. By 1910 most large cities had changed over. Some kept a few gas lamps "
    "out of affection: Berlin still has more than twenty thousand of them. Today cities are changing again, this "
    "time to light-emitting diodes, which need a third of the power. People complain that the new light is too "
    "cold, much as they complained in 1880. Engineers answer with warmer diodes, and with lamps that dim when "
    "nobody passes."
)
LETTER = (
    "Dear neighbours, the roof of the bicycle shed has been leaking since October, and three bicycles have begun to "
    "rust. The committee asked two firms for an offer. The first would replace the whole roof for 4,200 euros. The "
    "second would repair the leak for 900 euros, but gives a guarantee of two years only. We believe that a new roof "
    "is the better choice, because the old one is thirty years old and will leak again. The house has 6,000 euros in "
    "its reserve, so that no extra payment is needed. Please tell us by the end of the month whether you agree with "
    "the new roof. If nobody objects, the work will begin in April and take four days. During that time the shed has "
    "to be empty, and bicycles can be left in the cellar."
)
ARTICLE_ZH = (
    "茶最早是作为药使用的。汉代的记载说，饮茶可以提神，也可以帮助消化。到了唐代，陆羽写成《茶经》，饮茶才成为一门讲究的学问。"
    "书中记录了种茶、采茶、制茶和煮茶的方法，还评论了各地的水。宋代的人喜欢把茶磨成粉末，用竹筅打出白色的泡沫，这种喝法后来传到了日本。"
    "明太祖下令停止进贡团茶，改贡散茶，从此用开水冲泡茶叶成为最普通的喝法。十七世纪，荷兰商人把茶叶带到欧洲，起初只在药店出售。"
    "一百年以后，英国人每年要进口上万吨茶叶。为了摆脱对中国的依赖，他们在印度的阿萨姆开辟了茶园。今天，茶是世界上除水以外消费最多的饮料。"
)
INTRODUCTIONS: dict[str, Introduction] = {
    "squad-reader": Introduction(
        name_en="Ask the documents", name_zh="文档问答", position=10,
        welcome_en="Ask a question in English. The answer is copied word for word from a document, and you see the "
                   "passage. There are fourteen documents about Parley and its field.",
        welcome_zh="请用英语提问。答案逐字取自文档，并附上原文段落。这里备有十四篇介绍 Parley 及其领域的英文文档。",
        examples=({"text": "Who was Parley made for?"},
                  {"text": "When was the first public demonstration of machine translation?"},
                  {"text": "What does BERT stand for?"})),
    "en-fr": Introduction(
        name_en="English and French", name_zh="英法互译", position=20,
        welcome_en="Translates everyday sentences from English into French and back.",
        welcome_zh="在英语和法语之间互译日常句子。",
        examples=({"text": "She told me that she would be late.", "options": {"direction": "en-fr"}},
                  {"text": "I would like a cup of tea, please.", "options": {"direction": "en-fr"}},
                  {"text": "Il a oublié de fermer la porte.", "options": {"direction": "fr-en"}})),
    "en-zh": Introduction(
        name_en="English and Chinese", name_zh="英汉互译", position=21,
        welcome_en="Translates everyday sentences from English into Chinese and back.",
        welcome_zh="在英语和汉语之间互译日常句子。",
        examples=({"text": "I would like a cup of tea, please.", "options": {"direction": "en-zh"}},
                  {"text": "She told me that she would be late.", "options": {"direction": "en-zh"}},
                  {"text": "你知道最近的车站在哪里吗？", "options": {"direction": "zh-en"}})),
    "lexrank": Introduction(
        name_en="Summary", name_zh="摘要", position=30,
        welcome_en="Paste a text in English or Chinese. The sentences that say most are picked out, word for word; "
                   "you set how many.",
        welcome_zh="粘贴一段中文或英文文本，这里会逐字挑选出最有代表性的句子，句数由您决定。",
        examples=({"text": ARTICLE}, {"text": LETTER}, {"text": ARTICLE_ZH})),
    "spam": Introduction(
        name_en="Spam or not", name_zh="垃圾短信识别", position=40,
        welcome_en="Paste a text message in English and see how probable it is that it is spam.",
        welcome_zh="粘贴一条英文短信，看看它是垃圾短信的概率有多大。",
        examples=({"text": "Congratulations! You have won a £1000 prize. Call 09061701461 now to claim."},
                  {"text": "Running ten minutes late, could you order me a coffee?"},
                  {"text": "Your parcel could not be delivered. Reply YES to rearrange for £1.50."})),
    "csl-subjects": Introduction(
        name_en="Subjects of Chinese papers", name_zh="论文学科分类", position=41,
        welcome_en="Give the title of a Chinese paper; it is sorted into its subject.",
        welcome_zh="输入一篇中文论文的标题，判断它属于哪个学科门类。",
        examples=({"text": "基于深度学习的遥感图像目标检测方法研究"},
                  {"text": "货币政策对商业银行风险承担的影响"},
                  {"text": "大棚番茄水肥一体化栽培技术试验"})),
    "chinese-poetry": Introduction(
        name_en="Chinese poetry", name_zh="古诗", position=50,
        welcome_en="Begin a poem with a few Chinese characters; it is carried on in the manner of the Tang and Song.",
        welcome_zh="写下开头几个字，续成一首唐宋风格的诗。",
        examples=({"text": "明月"}, {"text": "春江"}, {"text": "空山新雨后，"})),
}


def introduction(name: str) -> Introduction:
    """The starter's introduction; a plain one for an artifact that the table does not know."""
    if name in INTRODUCTIONS:
        return INTRODUCTIONS[name]
    title = name.replace("-", " ").capitalize()
    return Introduction(name_en=title, name_zh=title, welcome_en="", welcome_zh="")
