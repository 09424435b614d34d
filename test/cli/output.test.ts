import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { escapeLine } from "../../src/cli/escape.ts";
import { Output, type Sink } from "../../src/cli/output.ts";
import { plainLength, renderStyle, style } from "../../src/cli/style.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";

class Memory implements Sink {
  readonly isTTY: boolean;
  readonly #chunks: Uint8Array[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean {
    this.#chunks.push(Buffer.from(chunk));
    done();
    return true;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

/** What a hostile annotation, tag or error body may hold. */
const hostile =
  "a\u001b[31mred\u001b]8;;http://x\u0007link\u001b]8;;\u0007\nforged: line\r\u009b2J\u202egnp.exe\u200b\u2028z";

describe("text from outside", () => {
  test("is shown, never obeyed", () => {
    const shown = escapeLine(hostile);
    // oxlint-disable-next-line no-control-regex -- no control character may be left
    assert.doesNotMatch(shown, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u200b\u2028]/);
    assert.match(shown, /a\\u001b\[31mred/);
    assert.match(shown, /\\nforged: line\\r\\u009b2J\\u202egnp\.exe\\u200b\\u2028z/);
  });

  test("keeps what is harmless: accents, CJK, emoji, backslashes", () => {
    const text = "Größe 大 👍🏽 C:\\dir 'q' \"p\"";
    assert.equal(escapeLine(text), text);
  });

  test("is escaped by every way to write a line", async () => {
    const sink = new Memory();
    const out = new Output(sink, { json: false, color: false });
    out.result({}, [hostile]);
    await out.line(hostile);
    assert.equal(sink.text, `${escapeLine(hostile)}\n`.repeat(2));
  });

  test("cannot colour a line with our own marks, nor close one of ours early", () => {
    const sink = new Memory(true);
    const out = new Output(sink, { json: false, color: true });
    out.result({}, [`${style.bold("x\ufdefy\ufdd2")} \ufdd2z`]);
    assert.equal(sink.text, "\u001b[1mxy\u001b[22m z\n");
  });

  test("stays valid JSON, and its value comes back", () => {
    const sink = new Memory(true);
    new Output(sink, { json: true, color: false }).result({ hostile }, ["no"]);
    assert.deepEqual(JSON.parse(sink.text), { hostile });
    // oxlint-disable-next-line no-control-regex -- no control character may reach the terminal but the line breaks of the document
    assert.doesNotMatch(sink.text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe("output", () => {
  test("bytes go out as they are, and visibly on a terminal", async () => {
    const content = Buffer.from([0, 27, 91, 255, 10, 65]);
    const pipe = new Memory();
    await new Output(pipe, { json: false, color: false }).bytes(fromBuffer(content));
    assert.deepEqual(Buffer.from(pipe.bytes), content);
    const terminal = new Memory(true);
    await new Output(terminal, { json: false, color: false }).bytes(fromBuffer(content));
    assert.equal(terminal.text, "\\u0000\\u001b[\ufffd\nA");
  });

  test("a character split between two chunks stays one on a terminal", async () => {
    const euro = Buffer.from("€");
    const terminal = new Memory(true);
    await new Output(terminal, { json: false, color: false }).bytes(
      (async function* () {
        yield euro.subarray(0, 1);
        yield euro.subarray(1);
      })(),
    );
    assert.equal(terminal.text, "€");
  });

  test("styles become colours or nothing, and have no width", () => {
    const line = `${style.green("ok")} ${style.dim("why")}`;
    assert.equal(renderStyle(line, false), "ok why");
    assert.equal(renderStyle(line, true), "\u001b[32mok\u001b[39m \u001b[2mwhy\u001b[22m");
    assert.equal(plainLength(line), 6);
  });
});
