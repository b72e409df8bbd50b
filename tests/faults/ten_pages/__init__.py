"""Ten forms in five rounds, a page to read, and two points at which all wait for all.

How often oTree accepted each form stands in the data, and every seventh number is refused by the server alone.
"""

from otree.api import (
    BaseConstants,
    BaseGroup,
    BasePlayer,
    BaseSubsession,
    Page,
    WaitPage,
    models,
    widgets,
)


class C(BaseConstants):
    NAME_IN_URL = "ten_pages"
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 5
    WAIT_AFTER = (2, 4)
    READ_IN = 3


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    number = models.IntegerField(min=0, max=999, label="A number from 0 to 999:")
    colour = models.StringField(choices=["red", "green", "blue", "grün"], widget=widgets.RadioSelect, label="A colour:")
    words = models.StringField(label="Some words:")
    numbers_accepted = models.IntegerField(initial=0)
    words_accepted = models.IntegerField(initial=0)


class _Played(Page):
    template_name = "ten_pages/Page.html"

    @staticmethod
    def is_displayed(player):
        return player.round_number <= player.session.config.get("rounds", C.NUM_ROUNDS)


class Number(_Played):
    form_model = "player"
    form_fields = ["number"]

    @staticmethod
    def error_message(player, values):
        return "No multiples of seven, please." if values["number"] % 7 == 0 else None

    @staticmethod
    def before_next_page(player, timeout_happened):
        player.numbers_accepted += 1


class Words(_Played):
    form_model = "player"
    form_fields = ["colour", "words"]

    @staticmethod
    def before_next_page(player, timeout_happened):
        player.words_accepted += 1


class News(_Played):
    @staticmethod
    def is_displayed(player):
        return _Played.is_displayed(player) and player.round_number == C.READ_IN


class Together(WaitPage):
    wait_for_all_groups = True

    @staticmethod
    def is_displayed(player):
        return _Played.is_displayed(player) and player.round_number in C.WAIT_AFTER


page_sequence = [Number, Words, News, Together]
