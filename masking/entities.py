"""Every kind of thing the detector knows, with the facts that recognisers, grading and masking share.

Formats and checksums: GB 11643, GB 32100, GB 11714, GB/T 17710, GB/T 14504, GA 36, GB 16735, GB/T 37346, ISO 13616;
grades follow GB/T 43697-2024 (1 public, 2 internal, 3 personal, 4 sensitive personal).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class EntityType(StrEnum):
    """The names that go over the wire."""

    PERSON = "PERSON"
    ADDRESS = "ADDRESS"
    LOCATION = "LOCATION"
    ORG = "ORG"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    CN_ID_CARD = "CN_ID_CARD"
    CN_ID_CARD_15 = "CN_ID_CARD_15"
    CN_FPR_ID = "CN_FPR_ID"
    CN_HKMT_RESIDENCE = "CN_HKMT_RESIDENCE"
    CN_HKMT_PERMIT = "CN_HKMT_PERMIT"
    CN_EXIT_PERMIT = "CN_EXIT_PERMIT"
    CN_PASSPORT = "CN_PASSPORT"
    CN_MILITARY_ID = "CN_MILITARY_ID"
    CN_DRIVER_FILE_NO = "CN_DRIVER_FILE_NO"
    CN_USCC = "CN_USCC"
    CN_ORG_CODE = "CN_ORG_CODE"
    CN_BIZ_LICENSE = "CN_BIZ_LICENSE"
    CN_BANK_CARD = "CN_BANK_CARD"
    CN_MOBILE = "CN_MOBILE"
    CN_LANDLINE = "CN_LANDLINE"
    CN_PLATE = "CN_PLATE"
    CN_SOCIAL_SECURITY_CARD = "CN_SOCIAL_SECURITY_CARD"
    CN_MEDICAL_INSURANCE = "CN_MEDICAL_INSURANCE"
    MEDICAL_RECORD_NO = "MEDICAL_RECORD_NO"
    CN_REALTY_CERT = "CN_REALTY_CERT"
    CN_REALTY_UNIT = "CN_REALTY_UNIT"
    VIN = "VIN"
    IMEI = "IMEI"
    MAC_ADDRESS = "MAC_ADDRESS"
    IP_ADDRESS = "IP_ADDRESS"
    EMAIL_ADDRESS = "EMAIL_ADDRESS"
    WECHAT = "WECHAT"
    QQ = "QQ"
    PHONE_NUMBER = "PHONE_NUMBER"
    CREDIT_CARD = "CREDIT_CARD"
    IBAN_CODE = "IBAN_CODE"
    US_SSN = "US_SSN"


class Basis(IntEnum):
    """On what a finding rests; where findings overlap, the higher basis wins."""

    NAME = 0
    CONTEXT = 1
    STRUCTURE = 2
    CHECKSUM = 3


@dataclass(frozen=True, slots=True)
class Entity:
    """Facts about one type. `context` are words (lower case) that speak for it when they stand near a value."""

    type: EntityType
    title: str  # Chinese name, shown to people
    basis: Basis  # the best evidence the format itself can give
    grade: int  # default grade of a column of it
    context: tuple[str, ...] = ()
    operator: str = "redact"
    arguments: Mapping[str, object] = field(default_factory=dict)
    role: str = "direct"


T = EntityType
_ID_WORDS = (
    "身份证", "身份號", "身份號碼", "身份證", "身份号", "公民身份", "证件号", "证号", "证件", "社会保障号",
    "id card", "resident id", "idcard", "id_card", "id_no", "id number", "identity", "national id", "sfz",
)  # fmt: skip
_PHONE_WORDS = (
    "手机", "電話", "电话", "手機", "联系方式", "聯繫", "联系", "号码", "致电", "来电", "短信", "拨打", "回电",
    "mobile", "phone", "tel", "cell", "contact", "call", "sms",
)  # fmt: skip

ENTITIES: Mapping[EntityType, Entity] = {
    entity.type: entity
    for entity in (
        Entity(T.PERSON, "姓名", Basis.NAME, 3, ("姓名", "name"), operator="partial", arguments={"preset": "name"}),
        Entity(
            T.ADDRESS,
            "住址",
            Basis.NAME,
            3,
            ("住址", "地址", "家住", "户籍", "坐落", "address"),
            "generalise",
            {"level": "county"},
        ),
        Entity(T.LOCATION, "地点", Basis.NAME, 2, ("lives in", "现住"), "generalise", {"level": "city"}, "quasi"),
        Entity(T.ORG, "单位", Basis.NAME, 2, ("单位", "公司", "company", "employer"), role="quasi"),
        Entity(
            T.DATE_OF_BIRTH,
            "出生日期",
            Basis.CONTEXT,
            3,
            ("出生", "生日", "生于", "诞生", "birth", "dob", "born", "csrq"),
            "generalise",
            {"level": "year"},
            "quasi",
        ),
        Entity(T.CN_ID_CARD, "公民身份号码", Basis.CHECKSUM, 4, _ID_WORDS, operator="pseudonym"),
        Entity(T.CN_ID_CARD_15, "一代身份证号码", Basis.CONTEXT, 4, _ID_WORDS, operator="pseudonym"),
        Entity(
            T.CN_FPR_ID,
            "外国人永久居留身份证",
            Basis.CHECKSUM,
            4,
            ("永久居留", "永居", "居留身份证", "permanent residen"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_HKMT_RESIDENCE,
            "港澳台居民居住证",
            Basis.CHECKSUM,
            4,
            ("居住证", "港澳", "台湾居民", "residence permit"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_HKMT_PERMIT,
            "来往内地通行证",
            Basis.CONTEXT,
            4,
            ("回乡证", "来往内地", "回鄉證", "台胞证", "来往大陆", "港澳居民", "台湾居民", "通行证"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_EXIT_PERMIT,
            "往来港澳台通行证",
            Basis.CONTEXT,
            4,
            ("往来港澳", "往来台湾", "港澳通行证", "台湾通行证", "通行证", "exit permit"),
            operator="pseudonym",
        ),
        Entity(T.CN_PASSPORT, "护照", Basis.CONTEXT, 4, ("护照", "護照", "passport"), operator="pseudonym"),
        Entity(
            T.CN_MILITARY_ID,
            "军人证件",
            Basis.STRUCTURE,
            4,
            ("军官证", "士兵证", "士官证", "军人证", "文职"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_DRIVER_FILE_NO,
            "驾驶证档案编号",
            Basis.CONTEXT,
            3,
            ("档案编号", "档案号", "驾驶证"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_USCC,
            "统一社会信用代码",
            Basis.CHECKSUM,
            2,
            ("信用代码", "税号", "纳税人", "信用代碼", "uscc", "credit code", "tax id"),
            "keep",
            role="direct",
        ),
        Entity(T.CN_ORG_CODE, "组织机构代码", Basis.CHECKSUM, 2, ("机构代码", "组织代码", "org code"), "keep"),
        Entity(
            T.CN_BIZ_LICENSE, "营业执照注册号", Basis.CHECKSUM, 2, ("营业执照", "注册号", "工商注册", "执照"), "keep"
        ),
        Entity(
            T.CN_BANK_CARD,
            "银行卡号",
            Basis.CHECKSUM,
            4,
            (
                "银行卡",
                "銀行卡",
                "卡号",
                "账号",
                "帐号",
                "账户",
                "储蓄卡",
                "借记卡",
                "信用卡",
                "开户",
                "户名",
                "收款",
                "转账",
                "一卡通",
                "打到",
                "汇到",
                "bank",
                "card",
                "account",
            ),
            operator="partial",
            arguments={"preset": "bank_card"},
        ),
        Entity(
            T.CN_MOBILE,
            "手机号码",
            Basis.STRUCTURE,
            3,
            _PHONE_WORDS,
            operator="partial",
            arguments={"preset": "mobile"},
        ),
        Entity(
            T.CN_LANDLINE,
            "固定电话",
            Basis.STRUCTURE,
            3,
            ("电话", "座机", "传真", "联系", "固话", "致电", "拨打", "來電", "電話", "tel", "phone", "fax", "call"),
            operator="partial",
            arguments={"preset": "landline"},
        ),
        Entity(
            T.CN_PLATE,
            "机动车号牌",
            Basis.STRUCTURE,
            3,
            (
                "车牌",
                "号牌",
                "車牌",
                "车辆",
                "驾驶",
                "车主",
                "停放",
                "车号",
                "军车",
                "警车",
                "馆车",
                "使馆",
                "轿车",
                "货车",
                "plate",
                "vehicle",
            ),
            operator="partial",
            arguments={"preset": "plate"},
        ),
        Entity(
            T.CN_SOCIAL_SECURITY_CARD,
            "社会保障卡号",
            Basis.CONTEXT,
            4,
            ("社保卡", "社会保障卡", "社會保障卡"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_MEDICAL_INSURANCE, "医保编号", Basis.CONTEXT, 4, ("医保", "医疗保险", "参保"), operator="pseudonym"
        ),
        Entity(
            T.MEDICAL_RECORD_NO,
            "病案号",
            Basis.CONTEXT,
            4,
            ("住院号", "门诊号", "病案号", "病历号", "就诊卡", "mrn", "medical record", "patient_nbr", "patient_id"),
            operator="pseudonym",
        ),
        Entity(
            T.CN_REALTY_CERT, "不动产权证号", Basis.STRUCTURE, 3, ("不动产权", "房产证", "房权证"), operator="pseudonym"
        ),
        Entity(T.CN_REALTY_UNIT, "不动产单元号", Basis.STRUCTURE, 3, ("不动产单元",), operator="pseudonym"),
        Entity(
            T.VIN,
            "车辆识别代号",
            Basis.CHECKSUM,
            3,
            ("车架", "识别代号", "識別代號", "识别码", "vin"),
            operator="partial",
            arguments={"preset": "vin"},
        ),
        Entity(T.IMEI, "移动设备识别码", Basis.CHECKSUM, 3, ("imei", "串号", "设备识别"), operator="pseudonym"),
        Entity(T.MAC_ADDRESS, "MAC 地址", Basis.STRUCTURE, 2, ("mac", "物理地址", "网卡"), operator="pseudonym"),
        Entity(T.IP_ADDRESS, "IP 地址", Basis.STRUCTURE, 2, ("ip", "登录", "地址"), "generalise", {"level": "ip"}),
        Entity(
            T.EMAIL_ADDRESS,
            "电子邮箱",
            Basis.STRUCTURE,
            3,
            ("邮箱", "邮件", "email", "mail"),
            operator="partial",
            arguments={"preset": "email"},
        ),
        Entity(T.WECHAT, "微信号", Basis.CONTEXT, 3, ("微信", "wechat", "weixin"), operator="pseudonym"),
        Entity(T.QQ, "QQ 号", Basis.CONTEXT, 3, ("qq", "扣扣", "企鹅号"), operator="pseudonym"),
        Entity(T.PHONE_NUMBER, "电话号码", Basis.STRUCTURE, 3, _PHONE_WORDS),
        Entity(
            T.CREDIT_CARD,
            "信用卡号",
            Basis.CHECKSUM,
            4,
            ("card", "visa", "mastercard", "amex", "卡"),
            operator="partial",
            arguments={"preset": "bank_card"},
        ),
        Entity(T.IBAN_CODE, "国际银行账号", Basis.CHECKSUM, 4, ("iban", "account", "账号"), operator="pseudonym"),
        Entity(T.US_SSN, "美国社会保障号", Basis.STRUCTURE, 4, ("ssn", "social security"), operator="pseudonym"),
    )
}
