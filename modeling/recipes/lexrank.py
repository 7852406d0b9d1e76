"""Summaries by LexRank (Erkan & Radev 2004): a method, nothing is trained."""

CARD = """# lexrank

Summarisation: picks the sentences that are most like all the others, by LexRank (Erkan & Radev 2004), in English and
Chinese. There are no weights: nothing was trained, and nothing is made up, every sentence stands in the text.

## Use and limits

For texts of ten sentences and more, such as news and reports. It cannot shorten or join sentences; a pronoun may lose
what it stands for. Dialogues and lists summarise badly.
"""
