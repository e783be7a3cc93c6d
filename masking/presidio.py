"""Our detector behind Presidio's plug-in interface, without its models and without its network.

`recognizers()` go into an existing Presidio; `analyzer()` is an AnalyzerEngine that holds only them and runs on an NLP
engine of ours (Presidio's default one would download a model). Import takes seconds: only who needs it imports it.
"""

from collections.abc import Iterable

import spacy
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from masking.detect import detect
from masking.entities import EntityType
from masking.ner.slot import use

LANGUAGES = ("zh", "en")


class DetectorRecognizer(EntityRecognizer):  # type: ignore[misc]
    """All our types in one Presidio language; the detector itself reads both languages."""

    def __init__(self, language: str, entities: Iterable[EntityType] = tuple(EntityType)) -> None:
        super().__init__([kind.value for kind in entities], name=f"Yurt{language.title()}", supported_language=language)

    def load(self) -> None:
        """Nothing to load: rules and word lists are part of the package."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Findings of the wanted types, as Presidio results."""
        return [
            RecognizerResult(span.type.value, span.start, span.end, span.score)
            for span in detect(text, self.supported_language)
            if not entities or span.type.value in entities
        ]


class BlankNlpEngine(NlpEngine):  # type: ignore[misc]
    """spaCy's blank pipelines: tokens only, nothing to download."""

    def __init__(self) -> None:
        self.pipelines: dict[str, spacy.language.Language] = {}

    def load(self) -> None:
        """One tokeniser per language; the Chinese one splits into characters."""
        self.pipelines = {"en": spacy.blank("en"), "zh": spacy.blank("zh")}

    def is_loaded(self) -> bool:
        """True after `load`."""
        return bool(self.pipelines)

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Tokens of a text; no entities, which our recognisers find."""
        document = self.pipelines[language](text)
        return NlpArtifacts([], document, [token.idx for token in document], [], self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, **kwargs: object
    ) -> Iterable[tuple[str, NlpArtifacts]]:
        """`process_text` for each text."""
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        """No word is one: nothing here needs it."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Neither letters nor digits."""
        return not any(letter.isalnum() for letter in word)

    def get_supported_entities(self) -> list[str]:
        """None of its own."""
        return []

    def get_supported_languages(self) -> list[str]:
        """zh and en."""
        return list(LANGUAGES)


def recognizers(name_model: str = "") -> list[DetectorRecognizer]:
    """One recogniser per language, for a registry of the user's. `name_model` names another model for names
    (`masking.ner.slot`); it then reads for the whole process. Raises MASK_BAD_MODEL."""
    use(name_model)
    return [DetectorRecognizer(language) for language in LANGUAGES]


def analyzer(extra: Iterable[EntityRecognizer] = (), name_model: str = "") -> AnalyzerEngine:
    """An AnalyzerEngine with our recognisers and whatever the user adds; `name_model` as in `recognizers`."""
    engine = BlankNlpEngine()
    engine.load()
    registry = RecognizerRegistry(recognizers=[*recognizers(name_model), *extra], supported_languages=list(LANGUAGES))
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=list(LANGUAGES))
