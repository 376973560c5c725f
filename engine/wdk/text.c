/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - counted strings, and formatted lines for people.
 *
 * The formats are read here and not by the C library: %lu of a driver is 32 bits, that of an LP64 system 64; %ws, %wZ and
 * %I64d are unknown to it; and nothing in the engine uses it anyway.
 */
#include <stdarg.h>

#include "binding.h"

#define LONGEST_STRING 65532u /* bytes: a USHORT holds one more character, the terminator */

VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
	size_t bytes = 0;

	*DestinationString = (UNICODE_STRING){ .Length = 0 };
	if (SourceString == NULL)
		return;
	while (bytes + sizeof(WCHAR) < LONGEST_STRING && SourceString[bytes / sizeof(WCHAR)] != 0)
		bytes += sizeof(WCHAR);
	DestinationString->Length = (USHORT)bytes;
	DestinationString->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
	DestinationString->Buffer = (PWCHAR)(uintptr_t)SourceString;
}

/* ---- a line ---- */

#define LINE_BYTES 512u

struct line {
	char text[LINE_BYTES];
	uint32_t count;
};

/* What stands between % and the conversion. */
struct spec {
	bool left, zero, plus, space, alternate, wide;
	uint32_t width;
	bool limited; /* a precision was given */
	uint32_t precision;
	uint32_t bytes; /* of an integer */
};

static void put(struct line *line, char c)
{
	if (line->count < LINE_BYTES - 1)
		line->text[line->count++] = c;
}

/* No more than a line has. */
static void pad(struct line *line, char c, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < LINE_BYTES; i++)
		put(line, c);
}

/* UTF-8, or a question mark for what is no character. */
static void put_wide(struct line *line, uint32_t c)
{
	if (c < 0x80) {
		put(line, (char)c);
	} else if (c < 0x800) {
		put(line, (char)(0xc0 | c >> 6));
		put(line, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		put(line, (char)(0xe0 | c >> 12));
		put(line, (char)(0x80 | (c >> 6 & 0x3f)));
		put(line, (char)(0x80 | (c & 0x3f)));
	} else {
		put(line, '?');
	}
}

/* narrow or wide, up to `limit` characters or the terminator; padded with blanks. */
static void put_text(struct line *line, const struct spec *spec, const char *narrow, const WCHAR *wide, uint32_t limit)
{
	uint32_t count = 0, padding;

	if (spec->limited && spec->precision < limit)
		limit = spec->precision;
	while (count < limit && (wide != NULL ? wide[count] != 0 : narrow[count] != '\0'))
		count++;
	padding = spec->width > count ? spec->width - count : 0;
	pad(line, ' ', spec->left ? 0 : padding);
	for (uint32_t i = 0; i < count; i++) {
		if (wide != NULL)
			put_wide(line, (uint32_t)wide[i]);
		else
			put(line, narrow[i]);
	}
	pad(line, ' ', spec->left ? padding : 0);
}

static uint32_t write_digits(char *digits, uint64_t value, uint32_t base, bool upper)
{
	const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	uint32_t count = 0;

	do
		digits[count++] = alphabet[value % base];
	while ((value /= base) != 0);
	return count;
}

static void put_integer(struct line *line, const struct spec *spec, uint64_t value, uint32_t base, bool upper,
			const char *sign)
{
	char digits[24];
	uint32_t count = write_digits(digits, value, base, upper), length = 0, zeros = 0, padding;

	while (sign[length] != '\0')
		length++;
	if (spec->limited)
		zeros = spec->precision > count ? spec->precision - count : 0;
	else if (spec->zero && !spec->left && spec->width > count + length)
		zeros = spec->width - count - length;
	padding = spec->width > count + length + zeros ? spec->width - count - length - zeros : 0;
	pad(line, ' ', spec->left ? 0 : padding);
	for (uint32_t i = 0; i < length; i++)
		put(line, sign[i]);
	pad(line, '0', zeros);
	while (count > 0)
		put(line, digits[--count]);
	pad(line, ' ', spec->left ? padding : 0);
}

/* ---- reading a format ---- */

static uint32_t read_number(const char **at)
{
	uint32_t number = 0;

	while (**at >= '0' && **at <= '9' && number < LINE_BYTES)
		number = number * 10 + (uint32_t)(*(*at)++ - '0');
	return number;
}

static bool read_flag(char c, struct spec *spec)
{
	switch (c) {
	case '-': return spec->left = true;
	case '0': return spec->zero = true;
	case '+': return spec->plus = true;
	case ' ': return spec->space = true;
	case '#': return spec->alternate = true;
	default: return false;
	}
}

static bool read_word(const char **at, const char *word)
{
	uint32_t i = 0;

	while (word[i] != '\0' && (*at)[i] == word[i])
		i++;
	if (word[i] != '\0')
		return false;
	*at += i;
	return true;
}

static void read_size(const char **at, struct spec *spec)
{
	spec->bytes = 4;
	if (read_word(at, "I64") || read_word(at, "ll"))
		spec->bytes = 8;
	else if (read_word(at, "I32"))
		spec->bytes = 4;
	else if (read_word(at, "I") || read_word(at, "z") || read_word(at, "t"))
		spec->bytes = sizeof(void *);
	else if (read_word(at, "hh"))
		spec->bytes = 1;
	else if (read_word(at, "h"))
		spec->bytes = 2;
	else if (read_word(at, "l") || read_word(at, "w"))
		spec->wide = true; /* of text; an integer stays 32 bits */
}

static void read_spec(const char **at, struct spec *spec, va_list *arguments)
{
	while (read_flag(**at, spec))
		(*at)++;
	if (read_word(at, "*")) {
		int width = va_arg(*arguments, int);

		spec->left = spec->left || width < 0;
		spec->width = (uint32_t)(width < 0 ? -(int64_t)width : width);
	} else {
		spec->width = read_number(at);
	}
	if (read_word(at, ".")) {
		int precision = read_word(at, "*") ? va_arg(*arguments, int) : (int)read_number(at);

		spec->limited = precision >= 0; /* below zero: as if there were none */
		spec->precision = (uint32_t)precision;
	}
	read_size(at, spec);
}

/* ---- conversions ---- */

static uint64_t read_unsigned(const struct spec *spec, va_list *arguments)
{
	uint64_t value = spec->bytes == 8 ? va_arg(*arguments, uint64_t) : va_arg(*arguments, uint32_t);

	return spec->bytes < 4 ? value & ((1u << 8 * spec->bytes) - 1) : value;
}

static int64_t read_signed(const struct spec *spec, va_list *arguments)
{
	uint64_t value = read_unsigned(spec, arguments);

	switch (spec->bytes) {
	case 1: return (int8_t)value;
	case 2: return (int16_t)value;
	case 4: return (int32_t)value;
	default: return (int64_t)value;
	}
}

DHPI_WRAPS("the negative of a number, also of the smallest")
static void convert_signed(struct line *line, const struct spec *spec, va_list *arguments)
{
	int64_t value = read_signed(spec, arguments);
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_integer(line, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, false, sign);
}

static void convert_text(struct line *line, const struct spec *spec, va_list *arguments)
{
	const void *text = va_arg(*arguments, const void *);

	if (text == NULL)
		put_text(line, spec, "(null)", NULL, LINE_BYTES);
	else if (spec->wide)
		put_text(line, spec, NULL, text, LINE_BYTES);
	else
		put_text(line, spec, text, NULL, LINE_BYTES);
}

static void convert_counted(struct line *line, const struct spec *spec, va_list *arguments)
{
	const UNICODE_STRING *string = va_arg(*arguments, const UNICODE_STRING *);

	if (string == NULL || string->Buffer == NULL)
		put_text(line, spec, "(null)", NULL, LINE_BYTES);
	else
		put_text(line, spec, NULL, string->Buffer, string->Length / (uint32_t)sizeof(WCHAR));
}

static void convert_character(struct line *line, const struct spec *spec, va_list *arguments)
{
	WCHAR c = (WCHAR)va_arg(*arguments, int);

	put_text(line, spec, NULL, &c, 1);
}

static void convert_pointer(struct line *line, va_list *arguments)
{
	static const struct spec spec = { .limited = true, .precision = 2 * sizeof(void *) };

	put_integer(line, &spec, (uintptr_t)va_arg(*arguments, void *), 16, true, "");
}

static void convert(struct line *line, char conversion, struct spec *spec, va_list *arguments)
{
	switch (conversion) {
	case 'd':
	case 'i':
		convert_signed(line, spec, arguments);
		return;
	case 'u':
		put_integer(line, spec, read_unsigned(spec, arguments), 10, false, "");
		return;
	case 'o':
		put_integer(line, spec, read_unsigned(spec, arguments), 8, false, "");
		return;
	case 'x':
	case 'X':
		put_integer(line, spec, read_unsigned(spec, arguments), 16, conversion == 'X',
			    !spec->alternate ? "" : conversion == 'X' ? "0X" : "0x");
		return;
	case 'p':
		convert_pointer(line, arguments);
		return;
	case 'c':
	case 'C':
		convert_character(line, spec, arguments);
		return;
	case 'S':
		spec->wide = true;
		convert_text(line, spec, arguments);
		return;
	case 's':
		convert_text(line, spec, arguments);
		return;
	case 'Z':
		convert_counted(line, spec, arguments);
		return;
	default: /* what we do not know is shown as it stands */
		put(line, '%');
		put(line, conversion);
	}
}

static void format_line(struct line *line, const char *format, va_list *arguments)
{
	for (const char *at = format; *at != '\0';) {
		struct spec spec = { .width = 0 };

		if (*at != '%') {
			put(line, *at++);
			continue;
		}
		at++;
		if (*at == '%') {
			put(line, *at++);
			continue;
		}
		read_spec(&at, &spec, arguments);
		if (*at != '\0')
			convert(line, *at++, &spec, arguments);
	}
}

ULONG DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
	struct line line = { .count = 0 };
	va_list arguments;

	(void)ComponentId;
	(void)Level; /* there is no filter: who wants less prints less */
	va_start(arguments, Format);
	format_line(&line, Format, &arguments);
	va_end(arguments);
	port_write(line.text, line.count);
	return STATUS_SUCCESS;
}
