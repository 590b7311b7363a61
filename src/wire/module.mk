noinst_LIBRARIES += src/wire/libwire.a
src_wire_libwire_a_SOURCES = \
    src/wire/api.c \
    src/wire/api.h \
    src/wire/decode.c \
    src/wire/encode.c \
    src/wire/errors.c \
    src/wire/errors.h \
    src/wire/field.h \
    src/wire/header.c \
    src/wire/header.h \
    src/wire/message.c \
    src/wire/message.h \
    src/wire/print.c \
    src/wire/random.c
EXTRA_DIST += src/wire/gen.py
include src/wire/gen/files.mk
