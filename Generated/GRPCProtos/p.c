int GRPCProtos_placeholder;
