/* Made by Scripts/generate. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"

/* The serialized google.protobuf.FileDescriptorSet of everything here, imports included; static memory. */
const uint8_t *grpc_protos_descriptor_set(void);
size_t grpc_protos_descriptor_set_size(void);
