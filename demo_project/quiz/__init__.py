from otree.api import *

doc = """
Comprehension quiz: a page is left only when its answers are right. Errors are shown in all three ways of oTree:
by a function for one field, by a dict of messages, and by one message for the whole form.
"""


class C(BaseConstants):
    NAME_IN_URL = 'quiz'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    COINS = 10
    SENT_MAX = 8
    FACTOR = 3
    COINS_LEFT = 2


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    ready = models.BooleanField(choices=[[True, 'Yes'], [False, 'Not yet']], label='Have you read the rules?')
    decider = models.StringField(
        choices=['Player A', 'Player B'],
        widget=widgets.RadioSelect,
        label='Who decides how many coins go back to Player A?',
    )
    factor = models.IntegerField(
        choices=[[1, 'One coin'], [2, 'Two coins'], [3, 'Three coins']],
        label='Player A sends one coin. How many coins does Player B receive?',
    )
    amount = models.IntegerField(min=0, max=C.COINS, label='Name a number of coins that Player A may send.')
    share_a = models.IntegerField(min=0, max=C.COINS_LEFT, label='Coins for Player A:')
    share_b = models.IntegerField(min=0, max=C.COINS_LEFT, label='Coins for Player B:')
    mistakes = models.IntegerField(initial=0)


def ready_error_message(player: Player, value):
    if not value:
        return 'Please read the rules, then answer "Yes".'


class Instructions(Page):
    form_model = 'player'
    form_fields = ['ready']


class Questions(Page):
    form_model = 'player'
    form_fields = ['decider', 'factor', 'amount']

    @staticmethod
    def error_message(player: Player, values):
        errors = {}
        if values['decider'] != 'Player B':
            errors['decider'] = 'No, Player A has no say in this: Player B decides alone.'
        if values['factor'] != C.FACTOR:
            errors['factor'] = f'Every coin is multiplied by {C.FACTOR} on its way to Player B.'
        if values['amount'] > C.SENT_MAX:
            errors['amount'] = f'Player A may send at most {C.SENT_MAX} coins.'
        player.mistakes += len(errors)
        return errors


class Split(Page):
    form_model = 'player'
    form_fields = ['share_a', 'share_b']

    @staticmethod
    def error_message(player: Player, values):
        total = values['share_a'] + values['share_b']
        if total != C.COINS_LEFT:
            player.mistakes += 1
            return f'The two shares must sum to {C.COINS_LEFT}, but yours sum to {total}.'


class Results(Page):
    pass


page_sequence = [Instructions, Questions, Split, Results]
