/* Runs the checks and shows each as it comes in. Without this file the form gives the whole page at the end. */
"use strict";

(() => {
  const ORDER = ["failed", "unknown", "warning", "running", "skipped", "passed"];
  const HEADINGS = {
    failed: "Failed",
    unknown: "Could not be told",
    warning: "Warnings",
    running: "Running",
    skipped: "Not looked at",
    passed: "Passed",
  };
  const OPEN = new Set(["failed", "unknown", "warning"]);

  const byId = (id) => document.getElementById(id);
  const form = byId("co-run");
  const start = byId("co-start");
  const stop = byId("co-stop");
  const progress = byId("co-progress");
  const status = byId("co-status");
  const trouble = byId("co-error");
  const groups = byId("co-groups");
  const facts = byId("co-facts");
  const onlyBad = byId("co-only-bad");
  if (!form || !window.fetch || !window.ReadableStream || !window.AbortController) {
    return;
  }

  let run = null;

  /** The findings' worst status, as the report has it. A check that found nothing found nothing out. */
  const worst = (findings) =>
    ["failed", "unknown", "warning", "passed", "skipped"].find((one) => findings.some((each) => each.status === one)) ||
    "unknown";

  const show = (element, text) => {
    element.textContent = text;
    element.hidden = !text;
  };

  const group = (name) => groups.querySelector(`:scope > [data-status="${name}"]`);

  const makeGroups = () => {
    groups.replaceChildren(
      ...ORDER.map((name) => {
        const section = document.createElement("section");
        section.className = "co-group";
        section.dataset.status = name;
        section.hidden = true;
        const heading = document.createElement("h3");
        heading.textContent = `${HEADINGS[name]} `;
        const count = document.createElement("span");
        count.className = "co-count";
        heading.append(count);
        section.append(heading);
        return section;
      }),
    );
  };

  const count = () => {
    for (const section of groups.children) {
      const checks = section.querySelectorAll(":scope > details").length;
      section.hidden = checks === 0;
      section.querySelector(".co-count").textContent = checks;
    }
  };

  /** Puts a check into the group of its status, in the order of the report. */
  const place = (check, name) => {
    check.dataset.status = name;
    check.querySelector(".co-badge").textContent = name;
    const section = group(name);
    const later = [...section.querySelectorAll(":scope > details")].find(
      (other) => Number(other.dataset.place) > Number(check.dataset.place),
    );
    const focused = check.contains(document.activeElement) ? document.activeElement : null;
    section.insertBefore(check, later || null);
    if (focused) {
      focused.focus();
    }
  };

  /** Shows a text; what stands between back-ticks is code. */
  const ticked = (element, text) => {
    const parts = text.split("`");
    if (parts.length % 2 === 0) {
      element.textContent = text;
      return;
    }
    const code = (part) => {
      const shown = document.createElement("code");
      shown.textContent = part;
      return shown;
    };
    element.replaceChildren(...parts.map((part, at) => (at % 2 ? code(part) : part)));
  };

  const finding = (found) => {
    const item = byId("co-finding").content.firstElementChild.cloneNode(true);
    item.dataset.status = found.status;
    const named = found.subject && !found.message.includes(found.subject);
    ticked(item.querySelector(".co-message"), (named ? `${found.subject}: ` : "") + found.message);
    item.querySelector(".co-code").textContent = found.code;
    ticked(item.querySelector(".co-hint-text"), found.hint || "");
    item.querySelector(".co-hint").hidden = !found.hint;
    return item;
  };

  const check = (listed, at) => {
    const element = byId("co-check").content.firstElementChild.cloneNode(true);
    element.dataset.place = at;
    element.querySelector(".co-name").textContent = listed.title;
    element.querySelector(".co-id").textContent = listed.id;
    return element;
  };

  const told = () => {
    const counts = ORDER.filter((name) => run.counts[name]).map((name) => `${run.counts[name]} ${name}`);
    return counts.join(", ") || "no checks";
  };

  const tellProgress = () => {
    progress.value = run.done;
    status.textContent = `${run.done} of ${run.checks.size} checks done: ${told()}`;
  };

  const on = {
    run_started(event) {
      makeGroups();
      facts.replaceChildren();
      facts.hidden = true;
      event.checks.forEach((listed, at) => run.checks.set(listed.id, check(listed, at)));
      progress.max = Math.max(1, event.checks.length);
      tellProgress();
    },
    check_started(event) {
      const element = run.checks.get(event.id);
      if (element) {
        place(element, "running");
        count();
      }
    },
    check_finished(event) {
      const element = run.checks.get(event.id);
      if (!element) {
        return;
      }
      const name = worst(event.findings);
      element.querySelector(".co-findings").replaceChildren(...event.findings.map(finding));
      element.querySelector(".co-time").textContent =
        event.duration_ms === null ? "" : `${Math.round(event.duration_ms)} ms`;
      element.querySelector(".co-because span").textContent = event.because.join(", ");
      element.querySelector(".co-because").hidden = event.because.length === 0;
      element.open = OPEN.has(name);
      place(element, name);
      run.done += 1;
      run.counts[name] = (run.counts[name] || 0) + 1;
      count();
      tellProgress();
    },
    fact(event) {
      const label = document.createElement("dt");
      const value = document.createElement("dd");
      label.textContent = event.label;
      value.textContent = event.value;
      facts.append(label, value);
      facts.hidden = false;
    },
    report(event) {
      const seconds = (event.report.run.duration_ms / 1000).toFixed(1);
      const ended = { deadline: ", stopped by the deadline", interrupted: ", interrupted" }[event.report.run.ended];
      status.textContent = `${told()} in ${seconds} s${ended || ""}`;
      run.ended = true;
    },
    error(event) {
      show(trouble, event.message);
      run.ended = true;
    },
  };

  const take = (line) => {
    if (line.trim()) {
      const event = JSON.parse(line);
      (on[event.event] || (() => {}))(event);
    }
  };

  const read = async (response) => {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      rest += decoder.decode(value || new Uint8Array(), { stream: !done });
      const lines = rest.split("\n");
      rest = lines.pop();
      lines.forEach(take);
      if (done) {
        take(rest);
        return;
      }
    }
  };

  const busy = (is) => {
    const at = document.activeElement;
    start.disabled = is;
    stop.hidden = !is;
    progress.hidden = !is;
    groups.setAttribute("aria-busy", String(is));
    // Who reads what came in, or writes elsewhere, is not torn away from it when the run ends.
    if (is) {
      stop.focus();
    } else if (!at || at === stop || at === document.body) {
      start.focus();
    }
  };

  const go = async () => {
    run = { checks: new Map(), counts: {}, done: 0, ended: false, aborter: new AbortController() };
    show(trouble, "");
    status.textContent = "Starting the checks …";
    progress.removeAttribute("value");
    busy(true);
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/x-ndjson" },
        credentials: "same-origin",
        signal: run.aborter.signal,
      });
      const type = response.headers.get("Content-Type") || "";
      if (!response.ok || !type.startsWith("application/x-ndjson")) {
        throw new Error(`the site answered with status ${response.status}; load this page again and log in`);
      }
      await read(response);
      if (!run.ended) {
        throw new Error("the answer ended too early");
      }
    } catch (error) {
      if (error.name === "AbortError") {
        status.textContent = `Stopped after ${run.done} checks: ${told()}`;
      } else {
        show(trouble, `The checks did not come to their end: ${error.message}`);
      }
    } finally {
      const rest = group("running");
      if (rest) {
        rest.querySelectorAll(":scope > details").forEach((element) => element.remove());
        count();
      }
      busy(false);
      start.textContent = "Run the checks again";
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!start.disabled) {
      go();
    }
  });
  stop.addEventListener("click", () => run && run.aborter.abort());
  onlyBad.addEventListener("change", () => groups.classList.toggle("co-only-bad", onlyBad.checked));
  byId("co-only").hidden = false;
})();
