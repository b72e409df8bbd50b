from otree.api import *

doc = """
Ultimatum game with counter-offers (Rubinstein, 1982) on a live page: two players propose in turns how to share a pie,
which shrinks with every offer that is not accepted. After five of these both get nothing.
"""


class C(BaseConstants):
    NAME_IN_URL = 'counter_offers'
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1
    PIES = [100, 90, 80, 70, 60]


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    is_settled = models.BooleanField(initial=False)


class Player(BasePlayer):
    share = models.IntegerField(initial=0)


class Offer(ExtraModel):
    group = models.Link(Group)
    player = models.Link(Player)
    pie = models.IntegerField()
    amount = models.IntegerField(doc='What the other player would get.')
    answer = models.StringField(initial='', doc='accepted or rejected')


def has_turn(player: Player):
    """Player 1 begins. Then whoever got the last offer."""
    offers = Offer.filter(group=player.group)
    return not player.group.is_settled and player.id_in_group == 1 + len(offers) % 2


def make_offer(player: Player, amount):
    """The first offer, or a counter-offer, by which the last one is rejected."""
    offers = Offer.filter(group=player.group)
    if len(offers) == len(C.PIES):
        return 'There can be no more offers.'
    pie = C.PIES[len(offers)]
    if type(amount) is not int or not 0 <= amount <= pie:
        return f'Please offer a whole number from 0 to {pie}.'
    for offer in offers[-1:]:
        offer.answer = 'rejected'
    Offer.create(group=player.group, player=player, pie=pie, amount=amount)


def answer_offer(player: Player, answer):
    """Ends it. An offer can be rejected without a counter-offer only if it was the last one."""
    offers = Offer.filter(group=player.group)
    if not offers or answer == 'rejected' and len(offers) < len(C.PIES):
        return 'Please make an offer.'
    offer = offers[-1]
    offer.answer = answer
    player.group.is_settled = True
    if answer == 'accepted':
        player.share, offer.player.share = offer.amount, offer.pie - offer.amount
    for each in player.group.get_players():
        each.payoff = each.share


def view(player: Player):
    """How things stand, as this player sees it."""
    offers = Offer.filter(group=player.group)
    return dict(
        offers=[
            dict(mine=offer.player == player, pie=offer.pie, amount=offer.amount, answer=offer.answer)
            for offer in offers
        ],
        next_pie=C.PIES[len(offers)] if len(offers) < len(C.PIES) else None,
        my_turn=has_turn(player),
        settled=player.group.is_settled,
        share=player.share,
    )


class Instructions(Page):
    pass


class MeetWaitPage(WaitPage):
    pass


class Bargain(Page):
    @staticmethod
    def live_method(player: Player, data):
        problem = None
        if data['type'] in ('offer', 'answer') and not has_turn(player):
            problem = 'It is not your turn.'
        elif data['type'] == 'offer':
            problem = make_offer(player, data['amount'])
        elif data['type'] == 'answer':
            problem = answer_offer(player, 'accepted' if data['accept'] else 'rejected')
        if problem:
            return {player.id_in_group: dict(problem=problem)}
        return {other.id_in_group: view(other) for other in player.group.get_players()}

    @staticmethod
    def error_message(player: Player, values):
        if not player.group.is_settled:
            return 'You have not come to an end yet.'


class Results(Page):
    @staticmethod
    def vars_for_template(player: Player):
        offers = Offer.filter(group=player.group)
        return dict(offers=offers, last=offers[-1], other=player.get_others_in_group()[0])


page_sequence = [Instructions, MeetWaitPage, Bargain, Results]


def custom_export(players):
    yield ['session', 'participant', 'pie', 'amount', 'answer']
    for player in players:
        for offer in Offer.filter(player=player):
            codes = [player.session.code, player.participant.code]
            yield [*codes, offer.pie, offer.amount, offer.answer]
