noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
  src/config/address.c \
  src/config/config.c src/config/config.h \
  src/config/impl.h \
  src/config/load.c \
  src/config/node.c \
  src/config/properties.c src/config/properties.h \
  src/config/setting.c src/config/setting.h \
  src/config/topic.c src/config/topic.h
