"""Check digits and dates inside identifiers. All take plain ASCII without separators; pure, no look-ups."""

from datetime import date

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)
VIN_VALUES |= {str(digit): digit for digit in range(10)}
ICAO_WEIGHTS = (7, 3, 1)


def calendar_day(digits: str, today: date | None = None) -> bool:
    """Is YYYYMMDD a real day from 1880 to `today` (default: the day of the call)."""
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return day.year >= 1880 and day <= (today or date.today())  # noqa: DTZ011 - a birth date has no time zone


def _digits(value: str) -> bool:
    """ASCII digits only: isdigit alone also accepts superscripts."""
    return value.isascii() and value.isdigit()


def mod_11_2(body: str) -> str:
    """Check character of ISO 7064 MOD 11-2 for 17 digits, as GB 11643-1999 lays it out."""
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, body, strict=True))
    return ID_CHECKS[total % 11]


def id_card(value: str) -> bool:
    """18 characters with the right check character (GB 11643-1999); area and date are judged elsewhere."""
    return len(value) == 18 and _digits(value[:17]) and value[17].upper() == mod_11_2(value[:17])


def uscc(value: str) -> bool:
    """Unified social credit code, GB 32100-2015."""
    value = value.upper()
    if len(value) != 18 or any(letter not in USCC_ALPHABET for letter in value):
        return False
    total = sum(w * USCC_ALPHABET.index(c) for w, c in zip(USCC_WEIGHTS, value[:17], strict=True))
    return USCC_ALPHABET[(31 - total % 31) % 31] == value[17]


def org_code(value: str) -> bool:
    """Organisation code, GB 11714-1997: eight characters and a check character, without the hyphen."""
    value = value.upper()
    if len(value) != 9 or not value[:8].isalnum() or not value.isascii():
        return False
    total = sum(w * int(c, 36) for w, c in zip(ORG_WEIGHTS, value[:8], strict=True))
    return value[8] == "0X987654321"[total % 11]


def mod_11_10(value: str) -> bool:
    """ISO 7064 MOD 11,10 over all digits, the last being the check digit (GB/T 17710; business licence numbers)."""
    if not _digits(value):
        return False
    product = 10
    for digit in value[:-1]:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return (product + int(value[-1])) % 10 == 1


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B (GB/T 14504)."""
    if not _digits(value):
        return False
    total = 0
    for position, letter in enumerate(reversed(value)):
        doubled = int(letter) * (1 + position % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def vin(value: str) -> bool:
    """Vehicle identification number, GB 16735: position 9 is the check character."""
    value = value.upper()
    if len(value) != 17 or any(letter not in VIN_VALUES for letter in value):
        return False
    total = sum(weight * VIN_VALUES[letter] for weight, letter in zip(VIN_WEIGHTS, value, strict=True))
    return value[8] == "0123456789X"[total % 11]


def icao_9303(value: str) -> bool:
    """7-3-1 check digit of machine-readable documents (ICAO Doc 9303 part 3): last character checks the others."""
    total = 0
    for position, letter in enumerate(value[:-1]):
        number = 0 if letter == "<" else int(letter, 36)
        total += ICAO_WEIGHTS[position % 3] * number
    return str(total % 10) == value[-1]


def iban(value: str) -> bool:
    """ISO 13616: rotated by four and read in base 36, the number is 1 modulo 97."""
    value = value.upper()
    if not (15 <= len(value) <= 34 and value.isalnum() and value.isascii()):
        return False
    return int("".join(str(int(letter, 36)) for letter in value[4:] + value[:4])) % 97 == 1
