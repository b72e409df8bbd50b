// The form that adds bots: keeps its list of models up to date while they are looked for.
(function () {
  const byId = id => document.getElementById(id);

  let isFirst = true;

  LLMBots.showModels = function ({bots, models, models_ready: ready}) {
    if (isFirst && !bots.length) byId('add-llm-bots').open = true;
    isFirst = false;
    if (!ready) return;
    byId('llm-bots-looking').hidden = true;
    const list = byId('llm-bots-models');
    const known = [...list.querySelectorAll('input')].map(input => input.value + input.disabled).join();
    if (known === models.map(model => model.name + !model.usable).join()) return;
    const chosen = (list.querySelector('input:checked') || {}).value;
    list.replaceChildren(...models.map((model, index) => {
      const line = document.createElement('div');
      line.className = 'form-check';
      const input = Object.assign(document.createElement('input'), {
        className: 'form-check-input', type: 'radio', name: 'model', id: `model-${index + 1}`,
        value: model.name, disabled: !model.usable, checked: model.usable && (chosen ? model.name === chosen : index === 0),
      });
      const label = Object.assign(document.createElement('label'), {className: 'form-check-label', htmlFor: input.id, textContent: model.name});
      if (model.reason) label.append(Object.assign(document.createElement('small'), {className: 'text-muted d-block', textContent: model.reason}));
      line.append(input, label);
      return line;
    }));
  };

  document.querySelectorAll('input[name=number]').forEach(input => input.addEventListener('focus', () => { byId('seats-number').checked = true; }));
  document.querySelectorAll('input[name=seat]').forEach(input => input.addEventListener('change', () => { byId('seats-picked').checked = true; }));
})();
