/* Made by Scripts/generate. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "grpc/testing/empty.pb-c.h"
#include "grpc/testing/messages.pb-c.h"
#include "grpc/testing/test.pb-c.h"

/* The serialized google.protobuf.FileDescriptorSet of everything here, imports included; static memory. */
const uint8_t *interop_protos_descriptor_set(void);
size_t interop_protos_descriptor_set_size(void);
