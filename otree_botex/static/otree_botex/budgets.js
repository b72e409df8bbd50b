// The launches of a session as cards: what each has spent of its budget, and a form to set another.
LLMBots.budgets = function (list, template, setBudget) {
  const {LIMITS, set, amount, budgetBars} = LLMBots;
  let launches = [];

  function cardOf(code) {
    return list.querySelector(`[data-launch="${code}"]`);
  }

  function makeCard(launch) {
    const card = template.content.firstElementChild.cloneNode(true);
    const link = card.querySelector('a'), details = card.querySelector('details'), form = card.querySelector('form');
    card.dataset.launch = launch.launch;
    link.href = `${location.pathname}/launch/${launch.launch}`;
    link.textContent = launch.launch;
    form.elements.launch.value = launch.launch;
    form.addEventListener('submit', event => {
      event.preventDefault();
      setBudget(new FormData(form), () => { details.open = false; });
    });
    details.addEventListener('toggle', () => { if (details.open) fill(form); });
    list.append(card);
    return card;
  }

  // Writes the present limits into the form, when it is opened: what somebody types into it stays there.
  function fill(form) {
    const {budget} = launches.find(one => one.launch === form.elements.launch.value);
    for (const input of form.querySelectorAll('[name^=budget_]')) {
      const value = budget[input.name.slice('budget_'.length)];
      input.value = value === null ? '' : value;
    }
  }

  function showOne(launch) {
    const card = cardOf(launch.launch) || makeCard(launch);
    const said = JSON.stringify([launch.spent, launch.budget]);
    if (card.dataset.said === said) return;
    card.dataset.said = said;
    set(card.querySelector('.llm-bots-models'), 'textContent', launch.models);
    card.querySelector('.llm-bots-spent-of').replaceChildren(...budgetBars(launch.spent, launch.budget));
    const own = LIMITS.map(name => [name, launch.budget[`bot_${name}`]]).filter(([, limit]) => limit !== null);
    card.querySelector('.llm-bots-each').textContent =
      own.length ? `Each bot: at most ${own.map(([name, limit]) => amount(name, limit)).join(', ')}.` : '';
  }

  return {
    show(found) {
      launches = found;
      launches.forEach(showOne);
      for (const card of [...list.children]) if (!launches.some(one => one.launch === card.dataset.launch)) card.remove();
    },
    open(code) {
      const details = cardOf(code).querySelector('details');
      details.open = true;
      details.querySelector('input[name^=budget_]').focus();
    },
  };
};
