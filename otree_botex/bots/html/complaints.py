"""What oTree refused of the form that was sent before, as it says so on the page that it shows again."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

from .visibility import Visibility
from .visible import plain_text

NAMED = ["input", "select", "textarea"]
# What oTree writes over a form whose fields have errors, in its languages (locale/*/LC_MESSAGES of oTree 6.0).
ONLY_ERRORS_BELOW = {
    *("Please fix the errors.", "Bitte korrigieren Sie die Fehler.", "Corrigeer de fouten in het formulier."),
    *("Korjaa virheet.", "Kérjük, javítsa ki az oldalon lévő hibákat.", "Lütfen formdaki hataları düzeltin."),
    *("Opravte prosím chyby ve formuláři.", "Perbaiki kesalahan tersebut.", "Por favor corrija los errores."),
    *("Por favor, verifique os erros.", "Proszę poprawić błędy.", "S'il vous plaît, veuillez corriger les erreurs."),
    *("Si prega di correggere gli errori.", "Vennligst rett feil i skjemaet.", "请修复错误。"),
    *("Пожалуйста внесите исправления в поля формы.", "נא לתקן את השגיאות", "الرجاء تصحيح الأخطاء في النموذج"),
    *("कृपया त्रुटियों को ठीक करें।", "誤りを訂正してください", "입력 양식의 내용이 잘못되었습니다. 바로잡아주세요."),
}

REFUSED = re.compile(r"The form field <code>([^<]+)</code>|<li>\s*<code>([^<{]+)</code>\s*</li>")
"""Fields that oTree names in its debug info."""


def take_errors(soup: BeautifulSoup, visibility: Visibility) -> dict[str, str]:
    """The messages by field name, "" for the form as a whole. They are taken out of the page, whose text is then the
    same as before."""
    errors: dict[str, str] = {}
    taken = soup.find_all(class_="form-control-errors")
    for message in taken:
        name, text = _field_name(message), plain_text(message, visibility)
        if text:
            errors[name] = f"{errors[name]} {text}" if name in errors else text
    for whole in soup.find_all(class_="otree-form-errors"):
        text = plain_text(whole, visibility)
        if text and not (errors and says_little(text)):
            errors[""] = text
        taken.append(whole)
    for message in taken:
        message.decompose()
    return errors


def says_little(message: str) -> bool:
    """Whether a message only says that there are errors."""
    return message in ONLY_ERRORS_BELOW


def refused_fields(debug_info: str) -> tuple[str, ...]:
    """The names of the fields that oTree refused, if its debug info has them."""
    if 'id="hidden-form-errors-warning"' not in debug_info:
        return ()
    return tuple(first or other for first, other in REFUSED.findall(debug_info))


def _field_name(message: Tag) -> str:
    """The field whose error this is: the only one in the block around the message, else the one just before it."""
    for parent in message.parents:
        names = {str(control["name"]) for control in parent.find_all(NAMED, attrs={"name": True})}
        if len(names) == 1:
            return names.pop()
        if names or parent.name == "form":
            break
    before = message.find_previous(NAMED, attrs={"name": True})
    return str(before["name"]) if isinstance(before, Tag) else ""
