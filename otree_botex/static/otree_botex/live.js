// What pages share that show bots while they play: asking the server, saying numbers, making elements.
// Whatever a page, a participant or a model wrote goes in through textContent, never as HTML.
const LLMBots = (function () {
  const ENDED = ['finished', 'failed', 'stopped'];
  const LEAST = 1e-6; // US dollars; less is not told in digits
  const LIMITS = ['cost', 'calls', 'tokens'];
  const STATES = {waiting: 'waiting for others'};

  // An element with these properties and children. Texts among the children become text.
  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // Changes a property only if it differs: 200 rows a second are cheap as long as nothing is laid out anew.
  function set(element, name, value) {
    if (element[name] !== value) element[name] = value;
  }

  function isActive(bot) {
    return !ENDED.includes(bot.state);
  }

  // What a bot is doing, in one word: also what it was asked to do and has not done yet.
  function state(bot) {
    if (bot.stopping) return 'stopping';
    if (bot.state === 'paused') return bot.error ? 'over budget' : 'paused';
    return bot.pause_wanted ? 'pausing' : bot.state;
  }

  function stateInWords(name) {
    return STATES[name] || name;
  }

  function duration(seconds) {
    if (seconds === null) return '–';
    if (seconds < 10) return `${Math.round(10 * seconds) / 10} s`;
    const minutes = Math.floor(seconds / 60);
    return minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
  }

  // US dollars, with two digits that matter.
  function money(cost) {
    if (!cost) return '$0';
    if (cost < LEAST) return `under $${LEAST.toFixed(6)}`;
    return `$${cost.toFixed(cost >= 1 ? 2 : Math.min(1 - Math.floor(Math.log10(cost)), 6))}`;
  }

  // "calls", "cost" or "tokens" as numbers, and in words.
  function count(name, number) {
    return name === 'cost' ? money(number) : number.toLocaleString();
  }

  function amount(name, number) {
    return count(name, number) + (name === 'cost' ? '' : ` ${name}`);
  }

  // What a bot or a launch has spent, in words. Of replies whose price nobody knows the dollars are missing.
  function used(name, spent) {
    if (name !== 'cost' || !spent.unpriced) return count(name, spent[name]);
    return spent.cost >= LEAST ? `over ${money(spent.cost)}` : 'not known';
  }

  // What was spent of a limit, if there is one.
  function spentOf(name, spent, limit) {
    return limit === null || limit === undefined ? used(name, spent) : `${used(name, spent)} of ${count(name, limit)}`;
  }

  // A bar for what was spent of each limit in a budget; without limits, only what was spent.
  function budgetBars(spent, budget) {
    return LIMITS.map(name => {
      const limit = budget[name], unit = name === 'cost' ? '' : ` ${name}`;
      const said = (name === 'cost' && spent.unpriced ? 'Cost: ' : '') + spentOf(name, spent, limit) + unit;
      const line = element('div', {className: 'llm-bots-spent'}, element('span', {}, said));
      if (limit === null) return line;
      const share = limit ? Math.min(spent[name] / limit, 1) : 1;
      const bar = element('div', {className: 'progress-bar' + (share === 1 ? ' bg-danger' : share > 0.8 ? ' bg-warning' : '')});
      bar.style.width = `${100 * share}%`;
      line.append(element('div', {className: 'progress', title: `${Math.floor(100 * share)}% of the budget`}, bar));
      return line;
    });
  }

  // "3 finished, 1 failed", of a count by state.
  function countsInWords(counts) {
    return Object.entries(counts).map(([name, number]) => `${number} ${stateInWords(name)}`).join(', ');
  }

  // Asks for JSON and hands it to `show`, again and again: after as many seconds as that returns, or each second, but
  // not while nobody looks at the page. Returns a function that asks at once, and then goes on.
  function poll(url, root, show) {
    let timer = null, asking = false;
    async function ask() {
      clearTimeout(timer);
      if (asking || document.visibilityState !== 'visible') return;
      asking = true;
      let reply = null;
      try {
        reply = await (await fetch(url, {headers: {Accept: 'application/json'}})).json();
      } catch (error) {
        // the server is away; what stands here is old
      }
      asking = false;
      root.classList.toggle('opacity-50', !reply);
      timer = setTimeout(ask, 1000 * ((reply && show(reply)) || 1));
    }
    document.addEventListener('visibilitychange', ask);
    ask();
    return ask;
  }

  // Keeps the element of this id as the server has it now, by loading the page again: as often as `seconds` says of the
  // element as it stands, 0 for not any more, but not while nobody looks at the page. What has not changed stays as it
  // is, so that it can be selected and copied; what was unfolded stays unfolded.
  function reload(id, seconds) {
    async function refresh() {
      const old = document.getElementById(id);
      if (document.visibilityState !== 'visible') return later();
      try {
        const response = await fetch(location.pathname);
        const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').getElementById(id);
        const unfolded = [...old.querySelectorAll('details')].map(details => details.open);
        fresh.querySelectorAll('details').forEach((details, number) => { details.open = unfolded[number]; });
        old.classList.remove('opacity-50');
        if (fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
      } catch (error) {
        old.classList.add('opacity-50');  // the server is away; what stands here is old
      }
      later();
    }
    function later() {
      const pause = seconds(document.getElementById(id));
      if (pause) setTimeout(refresh, 1000 * pause);
    }
    later();
  }

  // Sends a form's data. The promise is of what comes back, with an `error` if something went wrong.
  async function post(url, data) {
    try {
      const response = await fetch(url, {method: 'POST', headers: {Accept: 'application/json'}, body: new URLSearchParams(data)});
      if ((response.headers.get('content-type') || '').includes('json')) return await response.json();
      if (response.status === 403) return {error: 'This page is too old. Reload it and try again.'};
      return {error: response.ok ? 'You are not logged in any more. Reload this page.' : await response.text()};
    } catch (error) {
      return {error: 'The server does not answer.'};
    }
  }

  // The same to the page's own address: hands what comes back to `show`, or what went wrong to `showError`.
  async function send(data, show, showError) {
    const reply = await post(location.pathname + location.search, data);
    showError(reply.error || '');
    if (!reply.error) show(reply);
  }

  return {LIMITS, element, set, isActive, state, stateInWords, duration, used, amount, spentOf, budgetBars, countsInWords, poll, reload, post, send};
})();
