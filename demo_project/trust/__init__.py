from otree.api import *

doc = """
Trust game (Berg and others, 1995) between participants who are paired as they arrive (group_by_arrival_time). Its wait
pages are of all kinds: one with a title and a text of its own, one with its own template, which tells what matters for
the next decision, and one for all groups.
"""


class C(BaseConstants):
    NAME_IN_URL = 'trust'
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1
    SENDER_ROLE = 'Sender'
    RECEIVER_ROLE = 'Receiver'
    ENDOWMENT = cu(10)
    FACTOR = 3


class Subsession(BaseSubsession):
    average_sent = models.CurrencyField()


class Group(BaseGroup):
    sent = models.CurrencyField(min=0, max=C.ENDOWMENT, label='How much do you send to the receiver?')
    returned = models.CurrencyField(min=0, label='How much do you give back to the sender?')


class Player(BasePlayer):
    pass


def returned_max(group: Group):
    return group.sent * C.FACTOR


def set_payoffs(subsession: Subsession):
    groups = subsession.get_groups()
    for group in groups:
        group.get_player_by_role(C.SENDER_ROLE).payoff = C.ENDOWMENT - group.sent + group.returned
        group.get_player_by_role(C.RECEIVER_ROLE).payoff = group.sent * C.FACTOR - group.returned
    subsession.average_sent = sum(group.sent for group in groups) / len(groups)


class PairWaitPage(WaitPage):
    group_by_arrival_time = True
    title_text = 'You are being paired'
    body_text = 'The game begins as soon as another participant is here.'


class Send(Page):
    form_model = 'group'
    form_fields = ['sent']

    @staticmethod
    def is_displayed(player: Player):
        return player.role == C.SENDER_ROLE


class SendWaitPage(WaitPage):
    template_name = 'trust/SendWaitPage.html'


class GiveBack(Page):
    form_model = 'group'
    form_fields = ['returned']

    @staticmethod
    def is_displayed(player: Player):
        return player.role == C.RECEIVER_ROLE

    @staticmethod
    def vars_for_template(player: Player):
        return dict(received=player.group.sent * C.FACTOR)


class ResultsWaitPage(WaitPage):
    wait_for_all_groups = True
    after_all_players_arrive = set_payoffs
    body_text = 'The results are shown when all pairs have decided.'


class Results(Page):
    pass


page_sequence = [PairWaitPage, Send, SendWaitPage, GiveBack, ResultsWaitPage, Results]
