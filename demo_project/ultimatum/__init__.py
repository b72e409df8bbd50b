from otree.api import *

doc = """
Ultimatum game: a proposer offers part of an amount to a responder, who accepts or rejects;
after a rejection neither gets anything. The session config sets the amount (pie).
"""


class C(BaseConstants):
    NAME_IN_URL = 'ultimatum'
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1
    PROPOSER_ROLE = 'Proposer'
    RESPONDER_ROLE = 'Responder'


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    offer = models.CurrencyField(min=0, label='How much do you offer to the responder?')
    accepted = models.BooleanField(label='Do you accept the offer?')


class Player(BasePlayer):
    pass


def get_pie(group: Group):
    return cu(group.session.config['pie'])


def offer_max(group: Group):
    return get_pie(group)


def set_payoffs(group: Group):
    if group.accepted:
        group.get_player_by_role(C.PROPOSER_ROLE).payoff = get_pie(group) - group.offer
        group.get_player_by_role(C.RESPONDER_ROLE).payoff = group.offer


class Introduction(Page):
    pass


class Offer(Page):
    form_model = 'group'
    form_fields = ['offer']

    @staticmethod
    def is_displayed(player: Player):
        return player.role == C.PROPOSER_ROLE


class WaitForOffer(WaitPage):
    pass


class Answer(Page):
    form_model = 'group'
    form_fields = ['accepted']

    @staticmethod
    def is_displayed(player: Player):
        return player.role == C.RESPONDER_ROLE


class ResultsWaitPage(WaitPage):
    after_all_players_arrive = set_payoffs


class Results(Page):
    pass


page_sequence = [Introduction, Offer, WaitForOffer, Answer, ResultsWaitPage, Results]
