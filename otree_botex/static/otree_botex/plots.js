// Draws the plots of a session and writes their tables. All of the data stand in the page as JSON; labels, which others
// wrote, go into the canvas as text and into tables through textContent, never as HTML.
(function () {
  const root = document.getElementById('llm-bots-plots');
  const {charts, measures} = JSON.parse(document.getElementById('llm-bots-plots-data').textContent);
  // Okabe and Ito's colours, which people with any colour vision can tell apart; lines have dashes and bars edges besides
  const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999', '#f0e442'];
  const PEOPLE = '#333333';
  const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
  const LONGEST = 40;
  const drawn = [];

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const short = text => { const all = [...text]; return all.length > LONGEST ? all.slice(0, LONGEST - 1).join('') + '…' : text; };

  // A table whose first row is its header; it can be scrolled with the keyboard where it is too wide.
  function table(rows, caption) {
    const around = element('div', 'table-responsive');
    Object.assign(around, {tabIndex: 0, role: 'region', ariaLabel: caption});
    const made = element('table', 'table table-sm');
    made.append(element('caption', 'visually-hidden', caption));
    const [header, ...body] = rows;
    const head = made.createTHead().insertRow();
    for (const text of header) head.append(Object.assign(element('th', '', text), {scope: 'col'}));
    const inside = made.createTBody();
    for (const [name, ...values] of body) {
      const row = inside.insertRow();
      row.append(Object.assign(element('th', '', name), {scope: 'row'}));
      for (const value of values) row.insertCell().textContent = value === null ? '' : value;
    }
    around.append(made);
    return around;
  }

  function dataset(chart, index, number, measure) {
    const series = chart.series[index];
    const colour = series.is_people ? PEOPLE : COLOURS[number % COLOURS.length];
    return {
      label: `${short(series.name)} (n = ${series.n})`, data: series.values[measure],
      backgroundColor: colour, borderColor: chart.kind === 'lines' ? colour : '#ffffff', borderWidth: chart.kind === 'lines' ? 2 : 1,
      borderDash: DASHES[number % DASHES.length], pointRadius: 0, pointHitRadius: 8, stepped: chart.kind === 'lines', maxBarThickness: 48,
    };
  }

  function axis(text) {
    return {title: {display: Boolean(text), text}, grid: {color: '#eeeeee'}};
  }

  function draw(chart, canvas) {
    const made = new Chart(canvas, {
      type: chart.kind === 'lines' ? 'line' : 'bar',
      data: {labels: chart.labels, datasets: chart.drawn.map((index, number) => dataset(chart, index, number, measures[0]))},
      options: {
        animation: false, maintainAspectRatio: false,
        interaction: {mode: 'index', intersect: false},
        scales: {
          x: {...axis(chart.kind === 'lines' ? chart.x : ''), grid: {display: false},
              ticks: {callback: (_, index) => short(chart.labels[index]), autoSkip: chart.kind === 'lines' || chart.labels.length > 25}},
          y: {...axis(measures[0]), beginAtZero: true},
        },
        plugins: {
          legend: {position: 'top', align: 'start', labels: chart.kind === 'lines' ? {usePointStyle: true, pointStyle: 'line', pointStyleWidth: 30} : {boxWidth: 14}},
          tooltip: {callbacks: {title: items => short(chart.labels[items[0].dataIndex])}},
        },
      },
    });
    drawn.push({chart, made});
  }

  function show(chart, number) {
    const section = element('section', 'llm-bots-plot');
    section.dataset.plot = chart.name;
    const title = element('h4', '', chart.title);
    title.id = `plot-${number}`;
    section.setAttribute('aria-labelledby', title.id);
    section.append(title, element('p', 'text-muted small', chart.about));
    const parts = element('div', 'llm-bots-parts'), drawing = element('div', 'llm-bots-drawing'), canvas = element('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `Plot of ${chart.title}. Its numbers stand in the tables of this section.`);
    const isEmpty = chart.series.every(series => series.values[measures[1]].every(value => !value));
    if (isEmpty) {
      section.append(element('p', '', 'All values are 0.'));
    } else {
      drawing.append(canvas);
      parts.append(drawing);
    }
    if (chart.summary.length) parts.append(table(chart.summary, `What the answers to ${chart.title} come to`));
    const more = element('details'), link = element('a', 'csv', 'This table as CSV');
    link.href = `${location.pathname}/${root.dataset.show}.csv?${root.dataset.query}&chart=${encodeURIComponent(chart.name)}`;
    more.append(element('summary', '', 'All numbers'), table(chart.table, `All numbers of ${chart.title}`), link);
    section.append(parts);
    if (chart.drawn.length < chart.series.length) {
      section.append(element('p', 'text-muted small', `Drawn are the ${chart.drawn.length} largest of ${chart.series.length} groups; the tables have all.`));
    }
    section.append(more);
    document.getElementById('llm-bots-charts').append(section);
    if (!isEmpty) draw(chart, canvas);
  }

  function change(measure) {
    for (const {chart, made} of drawn) {
      made.data.datasets.forEach((one, number) => { one.data = chart.series[chart.drawn[number]].values[measure]; });
      made.options.scales.y.title.text = measure;
      made.update();
    }
  }

  charts.forEach(show);
  document.querySelectorAll('input[name=measure]').forEach(input => {
    input.addEventListener('change', () => change(input.value));
    if (input.checked && input.value !== measures[0]) change(input.value);  // as the browser remembers it after "back"
  });
  // paper has another width than the screen, and what is folded up there cannot be unfolded
  const folds = () => document.querySelectorAll('.llm-bots-plot details');
  addEventListener('beforeprint', () => { folds().forEach(one => { one.open = true; }); drawn.forEach(({made}) => made.resize()); });
  addEventListener('afterprint', () => { folds().forEach(one => { one.open = false; }); drawn.forEach(({made}) => made.resize()); });
})();
