from otree.api import *

doc = """
Diktatorspiel auf Deutsch: Wie viel spendet man von einem Betrag, den man frei aufteilen darf?
Mit DEMO_LANGUAGE=de spricht auch oTree selbst Deutsch und schreibt Zahlen mit Komma.
"""


class C(BaseConstants):
    NAME_IN_URL = 'spende'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    BETRAG = cu(10)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    spende = models.CurrencyField(min=0, max=C.BETRAG, label='Wie viel möchten Sie spenden?')
    schaetzung = models.FloatField(
        min=0,
        max=100,
        label='Was schätzen Sie: Wie viel Prozent ihres Betrags spenden andere Personen im Durchschnitt?',
        help_text='Eine Zahl von 0 bis 100, auch mit Nachkommastellen',
    )


class Entscheidung(Page):
    form_model = 'player'
    form_fields = ['spende', 'schaetzung']

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.payoff = C.BETRAG - player.spende


class Ergebnis(Page):
    pass


page_sequence = [Entscheidung, Ergebnis]
