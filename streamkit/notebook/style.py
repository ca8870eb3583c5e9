"""The builder's style sheet: JupyterLab's own colours, so that it fits both themes."""

from __future__ import annotations

from streamkit.markup import Markup

__all__ = ["KEYS", "STYLE"]

STYLE = Markup("""<style>
.sk-builder { max-width: 1500px; }
.sk-builder .sk-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.sk-builder .jupyter-widgets { margin: 0; }
.sk-builder .sk-row { flex-flow: row wrap; gap: 6px 12px; align-items: flex-start; overflow: visible; }
.sk-builder .sk-aligned > :is(button, .sk-check, .sk-count) { margin-top: 19px; }
.sk-builder .sk-aligned > .sk-with-lines > .sk-check { margin-top: 19px; }
.sk-builder .sk-column { gap: 6px; overflow: visible; }
.sk-builder .sk-with-lines { gap: 0; }
.sk-builder .sk-field { flex: none; width: auto; height: auto; min-width: 0; flex-flow: column;
  align-items: stretch; overflow: visible; }
.sk-builder .sk-field > label { width: auto; max-width: none; text-align: left; margin: 0;
  line-height: 1.5; height: auto; font-size: 12px; color: var(--jp-ui-font-color1); opacity: .8;
  justify-content: flex-start; overflow: visible; white-space: nowrap; }
.sk-builder .sk-field input, .sk-builder .sk-field select { width: 190px; max-width: 100%;
  height: 28px; box-sizing: border-box; border-radius: 3px; font-size: 13px;
  color: var(--jp-ui-font-color0); background-color: var(--jp-layout-color0);
  border: 1px solid var(--jp-border-color1); }
.sk-builder .sk-field select { flex: none; padding: 0 20px 0 6px; }
.sk-builder .sk-field input:disabled { opacity: .7; }
.sk-builder .sk-narrow select { width: 110px; }
.sk-builder .sk-event input { width: 300px; }
.sk-builder .sk-wide :is(input, select) { width: 230px; }
.sk-builder .sk-widest, .sk-builder .sk-with-lines:has(> .sk-widest) { flex: 1 1 100%; }
.sk-builder .sk-widest input { width: 100%; max-width: 640px; }
.sk-builder .sk-area { flex: 1 1 100%; }
.sk-builder .sk-tools { align-items: flex-end; }
.sk-builder .sk-area textarea { width: 100%; height: auto; box-sizing: border-box;
  white-space: pre; overflow: auto; font-family: var(--jp-code-font-family); font-size: 13px; line-height: 1.45;
  color: var(--jp-ui-font-color0); background: var(--jp-layout-color0);
  border: 1px solid var(--jp-border-color1); }
.sk-builder .sk-check { width: auto; height: 28px; }
.sk-builder .sk-check label { height: 28px; }
.sk-builder button.sk-button { width: auto; height: 28px; line-height: 26px; padding: 0 10px;
  border-radius: 3px; border: 1px solid var(--jp-border-color1); box-shadow: none;
  background: var(--jp-layout-color1); color: var(--jp-ui-font-color0); font-size: 13px; }
.sk-builder button.sk-button:hover:enabled { background: var(--jp-layout-color2); }
.sk-builder button.sk-button:disabled { opacity: .45; }
.sk-builder button.sk-small { height: 24px; line-height: 22px; padding: 0 8px; font-size: 12px; }
.sk-builder button.sk-main { background: #0b5cad; border-color: #0b5cad; color: #fff;
  align-self: flex-start; }
.sk-builder button.sk-main:hover:enabled { background: #084a8c; }
.sk-builder button.sk-gap { height: 22px; line-height: 20px; font-size: 12px; padding: 0 8px;
  margin-left: 18px; align-self: flex-start; border-style: dashed; background: transparent; }
.sk-builder :is(button, input, select, textarea):focus-visible { outline: 2px solid #1a80e5;
  outline-offset: 1px; }
.sk-builder .sk-card { border: 1px solid var(--jp-border-color2); border-radius: 5px;
  padding: 8px 12px; background: var(--jp-layout-color1); }
.sk-builder .sk-step { border-left: 4px solid #0b5cad; }
.sk-builder .sk-exclude { border-left: 4px solid #c2571a; margin-left: 18px; }
.sk-builder .sk-head { justify-content: space-between; align-items: center; flex-wrap: wrap; }
.sk-builder .sk-title { flex: 1 1 240px; min-width: 0; }
.sk-builder .sk-title .widget-html-content { line-height: 1.35; overflow-wrap: anywhere; }
.sk-builder .sk-number { margin-right: 8px; }
.sk-builder .sk-buttons { gap: 4px; }
.sk-builder .sk-quiet button { height: 24px; line-height: 22px; font-size: 12px; padding: 0 8px; }
.sk-builder .sk-group { border-left: 2px solid var(--jp-border-color1); padding-left: 10px; }
.sk-builder .sk-condition { gap: 6px; }
.sk-builder .sk-condition + .sk-condition { border-top: 1px solid var(--jp-border-color2);
  padding-top: 6px; }
.sk-builder .sk-html, .sk-builder .widget-html-content { width: auto; height: auto; overflow: visible;
  color: var(--jp-ui-font-color0); }
.sk-builder .widget-html-content { line-height: 1.45; font-size: 13px; min-width: 0; }
.sk-builder .sk-html { min-width: 0; }
.sk-builder .sk-count .widget-html-content { line-height: 28px; opacity: .8; font-size: 12px; }
.sk-builder .sk-problem .widget-html-content { font-size: 12px; line-height: 1.4; }
.sk-builder .sk-line { border-left: 3px solid #c2571a; padding: 1px 0 1px 6px; margin-top: 3px;
  overflow-wrap: anywhere; max-width: 60em; }
.sk-builder h4 { margin: 10px 0 2px; font-size: 14px; }
.sk-builder .sk-parts { width: auto; margin: 4px 0; }
.sk-builder .sk-parts > label { display: none; }
.sk-builder .sk-parts .widget-radio-box { display: flex; flex-flow: row wrap; gap: 4px 0;
  max-width: none; width: auto; border-bottom: 1px solid var(--jp-border-color1); margin: 0;
  height: auto; }
.sk-builder .sk-parts .widget-radio-box label { display: flex; align-items: center; width: auto;
  height: 32px; margin: 0; padding: 0 12px 0 8px; font-size: 13px; max-width: none;
  border-bottom: 3px solid transparent; cursor: pointer; color: var(--jp-ui-font-color0); }
.sk-builder .sk-parts .widget-radio-box label:has(input:checked) { font-weight: 600;
  border-bottom-color: #1a80e5; }
.sk-builder .sk-parts input { order: -1; margin: 0 5px 0 0; }
.sk-builder .sk-main-row { display: flex; flex-flow: row wrap; gap: 20px; align-items: flex-start; }
.sk-builder .sk-main-row > .sk-left { flex: 1 1 560px; min-width: 0; }
.sk-builder .sk-main-row > .sk-right { flex: 1 1 420px; min-width: 0; max-width: 100%; }
.sk-builder .sk-preview { border: 1px solid var(--jp-border-color2); border-radius: 5px;
  padding: 8px 12px; background: var(--jp-layout-color1); }
.sk-builder .sk-old { border-left: 3px dashed var(--jp-border-color1); padding-left: 8px; }
.sk-builder .sk-preview :is(td, th) { padding: 2px 8px 2px 0 !important; font-size: 12px; }
.sk-builder .sk-preview img { background: #fff; border-radius: 3px; }
.sk-builder .sk-scroll { overflow-x: auto; max-width: 100%; }
.sk-builder .sk-wide-content, .sk-builder .sk-wide-content .widget-html-content { max-width: 100%; width: 100%; }
.sk-builder pre { margin: 0; padding: 8px; overflow-x: auto; font-size: 12px; line-height: 1.45;
  background: var(--jp-layout-color2); color: var(--jp-ui-font-color0); border-radius: 3px; }
.sk-builder .sk-plus { color: var(--jp-ui-font-color0); background: #2f8a4a38; display: block; }
.sk-builder .sk-minus { color: var(--jp-ui-font-color0); background: #c2571a38; display: block; }
</style>""")

KEYS = Markup("""<script>
if (!window.streamkitKeys) {
  window.streamkitKeys = true;
  const fields = ".sk-builder :is(select, button, summary, [tabindex], input[type=radio], " +
    "input[type=checkbox])";
  window.addEventListener("keydown", event => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape";
    if (plain && event.target.matches && event.target.matches(fields)) event.stopPropagation();
  }, true);
}
</script>""")
"""Keeps JupyterLab's single-key commands out of our fields: without it the arrow keys in a list go
to the next cell, and two letters D on a button delete one. It is shown with the fields and is not
in what a saved notebook keeps."""
