import time

from otree.api import *

doc = """
Memory task: a list of words is shown for a few seconds and cannot be left before (a timed page without a button);
then a pause that must last for a while (a minimum time, checked by error_message); then a question with a time limit.
"""


class C(BaseConstants):
    NAME_IN_URL = 'memory'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    WORDS = ['lamp', 'river', 'spoon', 'cloud', 'horse', 'window']
    NEW_WORD = 'garden'
    WORDS_SECONDS = 4
    PAUSE_SECONDS = 3
    RECALL_SECONDS = 30
    PRIZE = cu(10)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    new_word = models.StringField(
        choices=['lamp', 'cloud', 'garden', 'window'],
        widget=widgets.RadioSelect,
        label='Which of these words was not on the list?',
    )
    third_word = models.StringField(label='Which word came third?')
    is_late = models.BooleanField()


class Words(Page):
    timeout_seconds = C.WORDS_SECONDS
    timer_text = 'The list goes away in:'


class Pause(Page):
    @staticmethod
    def vars_for_template(player: Player):
        player.participant.vars.setdefault('pause_began', time.time())

    @staticmethod
    def error_message(player: Player, values):
        if time.time() < player.participant.vars['pause_began'] + C.PAUSE_SECONDS:
            return 'You cannot pass this page yet. Please take your time.'


class Recall(Page):
    form_model = 'player'
    form_fields = ['new_word', 'third_word']
    timeout_seconds = C.RECALL_SECONDS

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.is_late = timeout_happened
        if not timeout_happened and player.new_word == C.NEW_WORD:
            player.payoff += C.PRIZE
        if not timeout_happened and player.third_word.strip().lower() == C.WORDS[2]:
            player.payoff += C.PRIZE


class Results(Page):
    pass


page_sequence = [Words, Pause, Recall, Results]
