from otree.api import *

doc = """
Beauty contest: three players guess a number, and whoever is closest to two thirds of the average wins.
"""


class C(BaseConstants):
    NAME_IN_URL = 'guess_two_thirds'
    PLAYERS_PER_GROUP = 3
    NUM_ROUNDS = 3
    GUESS_MAX = 100
    PRIZE = cu(30)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    two_thirds = models.FloatField()


class Player(BasePlayer):
    guess = models.IntegerField(min=0, max=C.GUESS_MAX, label='Your guess (a whole number from 0 to 100):')
    is_winner = models.BooleanField(initial=False)


def set_winners(group: Group):
    players = group.get_players()
    group.two_thirds = 2 / 3 * sum(p.guess for p in players) / len(players)
    closest = min(abs(p.guess - group.two_thirds) for p in players)
    winners = [p for p in players if abs(p.guess - group.two_thirds) == closest]
    for p in winners:
        p.is_winner = True
        p.payoff = C.PRIZE / len(winners)


class Introduction(Page):
    @staticmethod
    def is_displayed(player: Player):
        return player.round_number == 1


class Guess(Page):
    form_model = 'player'
    form_fields = ['guess']


class ResultsWaitPage(WaitPage):
    after_all_players_arrive = set_winners


class Results(Page):
    @staticmethod
    def vars_for_template(player: Player):
        return dict(players=player.group.get_players())


page_sequence = [Introduction, Guess, ResultsWaitPage, Results]
