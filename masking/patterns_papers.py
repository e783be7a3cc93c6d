"""Rules for papers and registrations: identity cards, permits, passports, codes of organisations, realty."""

import re

from masking import checksums
from masking.entities import EntityType as T
from masking.patterns import RIGHT, Rule, cue_pattern, rule_pattern
from masking.places import plate_characters, province_codes, word_list

ALPHA3 = frozenset(word_list("countries"))

ID_18 = r"[1-9](?:[ -]?[0-9]){16}[ -]?[0-9Xx]"


def _resident(value: str) -> bool:
    return value[:2] in province_codes() and value[:2] < "72" and checksums.calendar_day(value[6:14])


def _hkmt_resident(value: str) -> bool:
    return value[:6] in {"810000", "820000", "830000"} and checksums.calendar_day(value[6:14])


def _foreign_resident(value: str) -> bool:
    return value[0] == "9" and value[1:3] in province_codes() and checksums.calendar_day(value[6:14])


def _old_foreign_resident(value: str) -> bool:
    return value[:3].upper() in ALPHA3 and value[3:5] in province_codes() and _short_day(value[7:13])


def _short_day(digits: str) -> bool:
    """YYMMDD of either century."""
    return any(checksums.calendar_day(century + digits) for century in ("19", "20"))


def _first_generation(value: str) -> bool:
    return value[:2] in province_codes() and checksums.calendar_day("19" + value[6:12])


def _area(value: str) -> bool:
    return value[:2] in province_codes()


def _social_credit(value: str) -> bool:
    """Not all letters, and with an area code inside."""
    return value[2:4] in province_codes() or value[2:4] == "10"


CREDIT = "[0-9A-HJ-NPQRTUWXY]"
GAP = r"[^0-9A-Za-z，。；\n]{0,6}"
INSURANCE_GAP = r"(?:[:为是 ]{1,2}|[^0-9A-Za-z，。；\n]{0,8}?(?:号|码|编号|账户|证|卡|ID)[^0-9A-Za-z，。；\n]{0,3})"
REALTY = (
    rf"(?P<v>[{plate_characters()}]? ?[(][12][0-9]{{3}}[)][^，。；,;\s()]{{1,20}}?"
    r"(?:不动产权|不动产证明|房权证)[^，。；,;\s0-9]{0,8}第?[0-9]{5,10}号?)"
)

RULES = (
    Rule(T.CN_ID_CARD, rule_pattern(ID_18), 1.0, 0.95, _resident, checksums.id_card, 0.7),
    Rule(T.CN_ID_CARD, rule_pattern(ID_18, left="(?<![0-9A-Za-z])[GLJ]"), 0.95, 0.8, _resident, checksums.id_card),
    Rule(T.CN_HKMT_RESIDENCE, rule_pattern(ID_18), 1.0, 0.95, _hkmt_resident, checksums.id_card, 0.7),
    Rule(T.CN_FPR_ID, rule_pattern(ID_18), 1.0, 0.9, _foreign_resident, checksums.id_card, 0.7),
    Rule(T.CN_FPR_ID, rule_pattern(r"[A-Z]{3}[ -]?[0-9]{12}", flags=re.IGNORECASE), 0.9, 0.6, _old_foreign_resident),
    Rule(T.CN_ID_CARD_15, rule_pattern(r"[1-8][0-9]{5}[ -]?[0-9]{6}[ -]?[0-9]{3}"), 0.75, 0.0, _first_generation),
    Rule(T.CN_HKMT_PERMIT, rule_pattern(r"[HM][0-9]{8}(?:[0-9]{2})?", flags=re.IGNORECASE), 0.8),
    Rule(T.CN_HKMT_PERMIT, cue_pattern("台胞证|来往大陆通行证", GAP, r"[0-9]{8}(?:[0-9]{2}[A-Z]?)?"), 0.75),
    Rule(T.CN_EXIT_PERMIT, rule_pattern(r"(?:C[A-HJ-NP-Z0-9]|[WLT][0-9])[0-9]{7}", flags=re.IGNORECASE), 0.8),
    Rule(
        T.CN_PASSPORT,
        rule_pattern(
            r"(?:E[A-HJ-NP-Z][0-9]{7}|[EG][0-9]{8}|1[45][0-9]{7}|(?:PE|SE|DE|MA)[0-9]{7}|P\.?[0-9]{7}|[SD][0-9]{7,8}"
            r"|K[A-Z]?[0-9]{7,8}|[A-Z]{1,2}[0-9]{6,8})",
            flags=re.IGNORECASE,
        ),
        0.8,
    ),
    Rule(
        T.CN_MILITARY_ID,
        re.compile(r"(?P<v>[军士兵文武南北沈兰成济广参政后装海空]字?第?[ ]?[0-9]{7,8}号?)(?![0-9A-Za-z])"),
        0.85,
    ),
    Rule(
        T.CN_MILITARY_ID,
        re.compile(r"(?P<v>[军士兵文武南北沈兰成济广参政后装海空]字第[ ]?[0-9]{4,8}号)"),
        0.95, 0.85, veto=False,
    ),
    Rule(
        T.CN_DRIVER_FILE_NO,
        cue_pattern("档案编号|档案号", r"[^0-9A-Za-z，。；\n]{0,4}", r"[0-9]{12}"),
        0.8, 0.6, _area,
    ),
    Rule(
        T.CN_USCC,
        rule_pattern(rf"{CREDIT}{{2}}[ -]?[0-9]{{6}}[ -]?{CREDIT}{{9}}[ -]?{CREDIT}", flags=re.IGNORECASE),
        1.0, 0.9, _social_credit, checksums.uscc, 0.7,
    ),
    Rule(T.CN_ORG_CODE, rule_pattern("[0-9A-Z]{8}-?[0-9X]", flags=re.I), 0.9, 0.0, None, checksums.org_code, 0.6),
    Rule(T.CN_BIZ_LICENSE, rule_pattern(r"[1-9][0-9]{14}"), 0.9, 0.0, _area, checksums.mod_11_10, 0.6),
    Rule(
        T.CN_REALTY_CERT,
        re.compile(REALTY),
        0.95, 0.9, veto=False,
    ),
    Rule(
        T.CN_REALTY_UNIT,
        rule_pattern(
            "[1-9](?:[ -]?[0-9]){11}[ -]?[GJZ][ -]?[A-Z](?:[ -]?[0-9]){5}[ -]?[FLQW](?:[ -]?[0-9]){8}",
            flags=re.IGNORECASE,
        ),
        0.95, 0.9, veto=False,
    ),
    Rule(
        T.CN_SOCIAL_SECURITY_CARD,
        cue_pattern("社保卡|社会保障卡|社會保障卡", r"[^0-9A-Za-z，。；\n]{0,8}", r"[A-Z0-9]{9}"),
        0.8, 0.8,
    ),
    Rule(
        T.CN_MEDICAL_INSURANCE,
        cue_pattern("医保|医疗保险|医疗保障|参保", INSURANCE_GAP, r"[A-Z]{0,3}[0-9]{8,30}"),
        0.8, 0.8,
    ),
    Rule(T.CN_MEDICAL_INSURANCE, re.compile(r"个人(?:编号|账户|账号)[:为是 ]{0,3}(?P<v>[0-9]{8,20})" + RIGHT), 0.7),
    Rule(
        T.MEDICAL_RECORD_NO,
        cue_pattern(
            "(?:住院|门诊|病案|病历|病例|就诊卡?|登记|病理|影像|放射|检查|急诊|体检|患者|病人|病员|诊疗卡?|健康卡|医疗卡)"
            "(?:流水)?(?:号码?|编号|ID)|就诊卡"
            "|MRN|(?:medical|hospital|patient|inpatient|admission)[ _](?:record|chart|id|no|number)"
            "(?:[ _]?(?:no|number|id))?[.]?|chart no[.]?",
            r"(?: is)?[^0-9A-Za-z，。；\n]{0,5}", r"[A-Z]{0,4}-?[0-9](?:[-/]?[0-9A-Z]){4,17}",
        ),
        0.85, 0.85,
    ),
)  # fmt: skip
