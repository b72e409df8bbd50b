// The launch page: the rows of the mix, and the panel that says what will happen with the form as it is.
// Without this script the form starts one model. Whatever the server says goes in through textContent, never as HTML.
(function () {
  const byId = id => document.getElementById(id);
  const form = byId('add-form');
  const mix = byId('mix');
  const {rows: entered, by_hand: picked, fields, models} = JSON.parse(byId('add-data').textContent);
  const pattern = mix.querySelector('[data-row]');
  const EVERY_MS = 1000;
  let byHand = picked ? JSON.parse(picked) : {};
  let made = 0;  // rows so far, for ids

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // ---- the rows of the mix

  const allRows = () => [...mix.querySelectorAll('[data-row]')];

  function makeRow(given) {
    const row = pattern.cloneNode(true);
    const [model, personas] = row.querySelectorAll('select');
    const other = row.querySelector('input');
    made += 1;
    for (const one of [model, personas]) {
      row.querySelector(`label[for="${one.id}"]`).htmlFor = `${one.id}-${made}`;
      one.id += `-${made}`;
    }
    for (const one of [model, personas, other]) one.removeAttribute('name');  // the rows are sent as one field
    const known = [...model.options].some(option => option.value === given.model && !option.disabled);
    const usable = [...model.options].find(option => !option.disabled);
    model.value = given.model ? (known ? given.model : '') : usable.value;
    other.value = given.model && !known ? given.model : '';
    if (given.personas && ![...personas.options].some(option => option.value === given.personas)) {
      personas.append(element('option', {value: given.personas, textContent: given.personas}));
    }
    personas.value = given.personas || '';
    const share = element('input', {className: 'form-control', id: `share-${made}`, type: 'number', min: '0', step: 'any', placeholder: '1', value: given.seats || given.share || ''});
    const unit = element('select', {className: 'form-select', ariaLabel: 'Counted in'},
      element('option', {value: 'share', textContent: 'parts'}), element('option', {value: 'seats', textContent: 'seats'}));
    unit.value = given.seats ? 'seats' : 'share';
    const remove = element('button', {type: 'button', className: 'btn btn-sm btn-outline-secondary mt-4', textContent: 'Remove'});
    remove.addEventListener('click', () => removeRow(row));
    const own = element('div', {className: 'llm-bots-own'});
    const more = element('select', {className: 'form-select form-select-sm', ariaLabel: 'A parameter of this row alone'},
      element('option', {value: '', textContent: '+ parameter'}),
      ...fields.map(field => element('option', {value: field.name, textContent: field.label})));
    more.addEventListener('change', () => {
      addParameter(own, more, more.value, undefined).focus();
      more.value = '';
    });
    own.append(more);
    row.append(
      element('div', {className: 'llm-bots-share'}, element('label', {className: 'form-label', htmlFor: share.id, textContent: 'Seats'}),
        element('div', {className: 'd-flex gap-1'}, share, unit)),
      remove, own);
    fields.filter(field => field.name in given).forEach(field => addParameter(own, more, field.name, given[field.name]));
    Object.assign(row, {model, other, personas, share, unit, own, away: remove});
    mix.append(row);
    return row;
  }

  // A parameter that differs in one row: its label, a control for it, and a button that takes it away.
  function addParameter(own, more, name, value) {
    const field = fields.find(one => one.name === name);
    const there = own.querySelector(`[data-name="${name}"]`);
    if (there) return there;
    let input;
    if (field.kind === 'choice') {
      input = element('select', {className: 'form-select form-select-sm'},
        ...field.choices.map(one => element('option', {value: one.value, textContent: one.label})));
      if (value !== undefined) input.value = value;
    } else if (field.kind === 'switch') {
      input = element('select', {className: 'form-select form-select-sm'},
        element('option', {value: 'true', textContent: 'yes'}), element('option', {value: 'false', textContent: 'no'}));
      if (value !== undefined) input.value = String(value);
    } else {
      input = element('input', {className: 'form-control form-control-sm', placeholder: field.empty, value: value ?? ''});
      if (field.kind === 'number') Object.assign(input, {type: 'number', min: field.min, max: field.max, step: field.step});
    }
    input.dataset.name = name;
    const away = element('button', {type: 'button', className: 'btn-close', ariaLabel: 'Remove this parameter'});
    const label = element('label', {}, `${field.label} `, input);
    label.className = 'd-inline-flex align-items-center gap-1';
    const chip = element('span', {}, label, away);
    away.addEventListener('click', () => { chip.remove(); more.focus(); changed(); });
    more.before(chip);
    changed();
    return input;
  }

  function removeRow(row) {
    const place = allRows().indexOf(row);
    byHand = Object.fromEntries(Object.entries(byHand).filter(([, at]) => at !== place).map(([seat, at]) => [seat, at > place ? at - 1 : at]));
    row.remove();
    allRows()[Math.max(place - 1, 0)].model.focus();
    changed();
  }

  function asJson(row, isOnly) {
    const said = {model: row.model.value || row.other.value.trim(), personas: row.personas.value};
    if (!isOnly && form.elements.how.value !== 'by hand' && row.share.value) said[row.unit.value] = row.share.value;
    row.own.querySelectorAll('[data-name]').forEach(input => { said[input.dataset.name] = input.value; });
    return said;
  }

  // Writes the rows into the form, and shows only what has a meaning with them.
  function write() {
    const rows = allRows();
    const isOnly = rows.length === 1;
    const isByHand = !isOnly && form.elements.how.value === 'by hand';
    rows.forEach(row => {
      row.other.hidden = row.model.value !== '';
      row.share.closest('.llm-bots-share').hidden = isOnly || isByHand;
      row.share.step = row.unit.value === 'seats' ? '1' : 'any';
      row.away.hidden = isOnly;
    });
    byId('assignment').hidden = isOnly && rows.every(row => !row.personas.value);
    byId('how').closest('div').hidden = form.elements.how.disabled = isOnly;
    byId('over-field').hidden = isOnly || form.elements.how.value !== 'balanced';
    byId('seed-field').hidden = isByHand && rows.every(row => !row.personas.value);
    byId('as-many').hidden = isOnly || isByHand || !rows.every(row => row.share.value && row.unit.value === 'seats');
    byId('rows').value = JSON.stringify(rows.map(row => asJson(row, isOnly)));
    byId('by_hand').value = isByHand ? JSON.stringify(byHand) : '';
  }

  // ---- what will happen

  let asking = false, isOld = false, timer = null, asked = 0;

  function changed() {
    write();
    isOld = true;
    byId('outlook').classList.add('opacity-75');
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!asking) timer = setTimeout(ask, Math.max(300, asked + EVERY_MS - Date.now()));
  }

  async function ask() {
    [asking, isOld, asked] = [true, false, Date.now()];
    let again = false;
    try {
      const answer = await fetch(form.dataset.expect, {method: 'POST', body: new URLSearchParams(new FormData(form))});
      const reply = await answer.json();
      again = reply.pending || !reply.models_ready;
      if (!isOld) show(reply);
      showModels(reply.models, reply.models_ready);
    } catch (error) {
      showError('The server does not answer.');
    }
    asking = false;
    if (again || isOld) schedule();
  }

  function showError(message) {
    byId('outlook-error').textContent = message;
    byId('outlook-error').hidden = !message;
    byId('outlook-found').hidden = Boolean(message);
    byId('outlook').classList.remove('opacity-75');
  }

  function line(...cells) {
    return element('tr', {}, ...cells.map((text, place) => element('td', {textContent: text, className: place ? 'num' : ''})));
  }

  function show(reply) {
    showError(reply.error);
    if (reply.error) return;
    const cost = one => one.cost === 'not known' && reply.pending ? 'looking …' : one.cost;
    const numbers = one => [one.seats, one.calls, one.tokens, cost(one)];
    const table = byId('outlook-rows');
    table.tBodies[0].replaceChildren(...reply.rows.map(row => line(row.model + (row.personas ? ` · ${row.personas}` : ''), ...numbers(row))));
    if (table.tFoot) table.tFoot.remove();
    if (reply.rows.length > 1) table.createTFoot().append(line('All', ...numbers(reply.total)));
    byId('outlook-warnings').replaceChildren(...reply.warnings.map(text => element('div', {className: 'alert alert-warning', textContent: text})));
    byId('outlook-source').querySelector('p').textContent = reply.source;
    showSeating(reply);
  }

  function showSeating(reply) {
    const isByHand = form.elements.how.value === 'by hand' && reply.rows.length > 1;
    if (isByHand) {
      byHand = Object.fromEntries(reply.seating.map(one => [one.seat, one.row]));
      write();
      byId('outlook-seating').open = true;
    }
    const focused = document.activeElement.dataset ? document.activeElement.dataset.seat : undefined;
    byId('outlook-seating').querySelector('tbody').replaceChildren(
      ...reply.seating.map(one => {
        const name = row => (reply.rows.length > 1 ? `${row + 1}. ` : '') + reply.rows[row].model;
        const seat = `P${one.seat} ${one.label}`.trim();
        let what = name(one.row);
        if (isByHand) {
          what = element('select', {className: 'form-select form-select-sm', ariaLabel: `Row for ${seat}`},
            ...reply.rows.map((_, row) => element('option', {value: row, textContent: name(row), selected: row === one.row})));
          what.dataset.seat = one.seat;
          what.addEventListener('change', () => { byHand[one.seat] = Number(what.value); changed(); });
        }
        return element('tr', {}, element('td', {textContent: seat}), element('td', {}, what),
          element('td', {textContent: one.persona}), element('td', {textContent: one.value}));
      }),
      ...(reply.more_seats ? [element('tr', {}, element('td', {textContent: `and ${reply.more_seats} more`}))] : []));
    const back = focused && byId('outlook-seating').querySelector(`[data-seat="${focused}"]`);
    if (back) back.focus();
  }

  // The models are looked for while the page is open already.
  let shownModels = JSON.stringify(models.map(model => [model.name, model.usable]));
  function showModels(found, ready) {
    if (!ready) return;
    const now = JSON.stringify(found.map(model => [model.name, model.usable]));
    const notes = found.filter(model => model.reason).map(model => element('div', {textContent: `${model.name}: ${model.reason}`}));
    byId('unusable').replaceChildren(...notes);
    if (now === shownModels) return;
    shownModels = now;
    for (const list of [pattern.querySelector('select'), ...allRows().map(row => row.model)]) {
      const chosen = list.value;
      const other = [...list.options].find(option => option.value === '');
      list.replaceChildren(...found.map(model => element('option', {value: model.name, textContent: model.name, disabled: !model.usable})), other);
      list.value = chosen;
      if (list.selectedIndex < 0) list.value = (found.find(model => model.usable) || {name: ''}).name;
    }
    changed();
  }

  // ---- begin

  pattern.remove();
  entered.forEach(makeRow);
  byId('mix-more').hidden = false;
  byId('add-row').addEventListener('click', () => { makeRow({}).model.focus(); changed(); });
  form.addEventListener('input', changed);
  form.addEventListener('submit', () => { write(); byId('start').disabled = true; });  // a second click would launch again
  window.addEventListener('pageshow', () => { byId('start').disabled = false; });  // also when one comes back to the page
  // a field that is not valid may stand in a section that is folded
  form.addEventListener('invalid', event => { const section = event.target.closest('details'); if (section) section.open = true; }, true);
  // without a seed each look would draw anew
  form.elements.mix_seed.addEventListener('change', event => { event.target.value ||= event.target.defaultValue; changed(); });
  form.elements.number.addEventListener('input', () => { byId('seats-number').checked = true; changed(); });
  form.querySelectorAll('input[name=seat]').forEach(input => input.addEventListener('change', () => { byId('seats-picked').checked = true; changed(); }));
  changed();
})();
