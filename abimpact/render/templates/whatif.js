"use strict";
document.querySelectorAll(".whatif").forEach(section => {
  const given = JSON.parse(section.dataset.given), inputs = section.querySelector(".inputs");
  // The error function to 1.2e-7 (Press et al. 1992, erfcc): a probability is shown as a whole percentage.
  const below = x => {
    const a = Math.abs(x) / Math.SQRT2, t = 1 / (1 + a / 2);
    const tail = t * Math.exp(-a * a - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
      + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
    return x > 0 ? 1 - tail / 2 : tail / 2;
  };
  const grouped = text => {
    const [whole, rest] = text.split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, given.group) + (rest ? given.decimal + rest : "");
  };
  // Signs, digits and prefixes as the tables of this page have them.
  const places = (size, digits) => size ? Math.max(0, digits - 1 - Math.floor(Math.log10(size))) : 0;
  const fixed = (x, decimals) => (x < 0 ? "−" : "") + grouped(Math.abs(x).toFixed(decimals));
  const amount = (x, size) => {
    if (Math.abs(x) < 0.005) return "0";
    const text = fixed(x, Math.min(places(size, 3), 2));
    return text.includes(given.decimal) ? text.replace(/0+$/, "").replace(new RegExp("\\" + given.decimal + "$"), "") : text;
  };
  const scaled = size => [["bn ", 1e9], ["M", 1e6], ["k", 1e3]].find(([, f]) => size >= 0.9995 * f) || ["", 1];
  const coin = prefix => given.coin.is_sign ? prefix + given.coin.text : (prefix + " " + given.coin.text).trim();
  const money = x => {
    const [prefix, factor] = scaled(Math.abs(x));
    return amount(x / factor, Math.abs(x) / factor) + " " + coin(prefix);
  };
  const range = (low, high) => {
    const size = Math.max(Math.abs(low), Math.abs(high)), [prefix, factor] = scaled(size);
    return [low, high].map(x => amount(x / factor, size / factor)).join(" to ") + " " + coin(prefix);
  };
  const annuity = (years, rate) => rate ? (1 - Math.pow(1 + rate, -years)) / rate : years;
  const fading = (years, rate) => {
    if (given.half_life === null) return annuity(years, rate);
    const decay = Math.LN2 / given.half_life;
    let sum = 0;
    for (let start = 0; start < years; start++) {
      const end = Math.min(start + 1, years);
      sum += (Math.exp(-decay * start) - Math.exp(-decay * end)) / decay * Math.pow(1 + rate, -end);
    }
    return sum;
  };
  const update = () => {
    const input = {}, once = [], yearly = [];
    for (const field of inputs.querySelectorAll("input")) {
      const x = field.valueAsNumber;
      if (!Number.isFinite(x)) return show({});
      input[field.name] = x;
      if (field.name.startsWith("once.")) once.push(x);
      if (field.name.startsWith("per_year.")) yearly.push(x);
    }
    const total = list => list.reduce((a, b) => a + b, 0);
    const volume = input.units_per_year * input.worth, running = total(yearly) + input.cost_per_unit * input.units_per_year;
    const fixedCost = total(once) + annuity(input.horizon_years, input.discount_rate) * running;
    const perEffect = fading(input.horizon_years, input.discount_rate) * volume;
    const interval = (scale, less) => {
      const ends = [-1, 1].map(side => scale * (given.mean + side * given.z * given.sd) - less).sort((a, b) => a - b);
      return money(scale * given.mean - less) + " (" + range(ends[0], ends[1]) + ")";
    };
    const even = fixedCost / perEffect, net = volume * given.mean - running;
    const shown = given.sign * even * given.scale * given.factor;
    const months = net > 0 ? 12 * total(once) / net : null, whole = months === null ? 0 : Math.ceil(months);
    const p = below((given.mean - even) / given.sd);
    show({
      annual: interval(volume, 0), annual_net: interval(volume, running), npv: interval(perEffect, fixedCost),
      break_even: even === 0 ? "it costs nothing, so any gain pays"
        : (shown > 0 ? "+" : "") + fixed(shown, places(Math.abs(shown), 2)) + given.suffix,
      payback: months === null ? "never" : months === 0 ? "at once" : months < 1 ? "less than a month"
        : whole + " month" + (whole === 1 ? "" : "s"),
      pays: p > 0.99 ? "over 99 %" : p < 0.01 ? "under 1 %" : Math.round(100 * p) + " %",
    });
  };
  const show = results => section.querySelectorAll("[data-result]").forEach(cell => {
    cell.textContent = results[cell.dataset.result] || "–";
  });
  inputs.addEventListener("input", update);
  section.hidden = false;
  update();
});
